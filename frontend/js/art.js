/** Draws covers for tracks without one. The same track always gets the same drawing. */

import { bands, plate, rings, strata, tiles } from "./art-forms.js";

const FORMS = [strata, tiles, rings, plate, bands];

/** Hash a text (FNV-1a). The final mix gives very different values to ids that differ in one letter. */
export function hash(text) {
  let h = 0x811c9dc5;
  for (const char of text) h = Math.imul(h ^ char.codePointAt(0), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Make a generator of numbers in [0, 1) from a seed (mulberry32). */
export function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Choose colours by artist and genre, so that tracks of one artist look related. The form depends on the track. */
function palette(track, random) {
  const family = hash(`${track.artist}|${track.genre}`);
  const hue = (family % 360) + (random() - 0.5) * 30;
  const partner = hue + [28, 150, 180, 205, -40][family % 5];
  const dark = random() < 0.6;
  const color = (l, c, h) => `oklch(${l.toFixed(3)} ${c} ${(((h % 360) + 360) % 360).toFixed(1)})`;
  return {
    ground: dark ? color(0.26, 0.05, hue) : color(0.92, 0.03, hue),
    accent: color(dark ? 0.78 : 0.64, 0.15, partner),
    light: color(dark ? 0.9 : 0.8, 0.06, hue),
    /** Return a tone between ground (0) and full colour (1). */
    tone: (t) => (dark ? color(0.32 + 0.4 * t, 0.06 + 0.07 * t, hue + 24 * t) : color(0.84 - 0.46 * t, 0.05 + 0.08 * t, hue + 24 * t)),
  };
}

/** Draw the cover of a track. @param {HTMLCanvasElement} canvas square @param {{id: string, artist: string, genre: string}} track */
export function drawArt(canvas, track) {
  const seed = hash(track.id);
  const random = randomFrom(seed);
  const colors = palette(track, random);
  const context = canvas.getContext("2d");
  const side = canvas.width;
  context.save();
  context.fillStyle = colors.ground;
  context.fillRect(0, 0, side, side);
  FORMS[seed % FORMS.length](context, side, random, colors);
  context.restore();
}
