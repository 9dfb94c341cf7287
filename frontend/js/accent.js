/** Finds the accent colour of a cover, as hue and chroma. The style sheet sets the lightness, so that text stays readable. */

const SIDE = 32;
const MAX_CHROMA = 0.15;

const linear = (byte) => {
  const v = byte / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
};

/** Convert sRGB bytes to a and b of OKLab. */
function oklab(r, g, b) {
  const [lr, lg, lb] = [linear(r), linear(g), linear(b)];
  const l = Math.cbrt(0.4122214708 * lr + 0.5363325363 * lg + 0.0514459929 * lb);
  const m = Math.cbrt(0.2119034982 * lr + 0.6806995451 * lg + 0.1073969566 * lb);
  const s = Math.cbrt(0.0883024619 * lr + 0.2817188376 * lg + 0.6299787005 * lb);
  return { a: 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, b: 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s };
}

/** Find the most colourful region of the hue circle. @param {Uint8ClampedArray} pixels RGBA */
export function accentOf(pixels) {
  const bins = Array.from({ length: 24 }, () => ({ weight: 0, a: 0, b: 0 }));
  for (let i = 0; i < pixels.length; i += 4) {
    const { a, b } = oklab(pixels[i], pixels[i + 1], pixels[i + 2]);
    const weight = Math.hypot(a, b) ** 2;
    const bin = bins[Math.floor(((Math.atan2(b, a) / (2 * Math.PI) + 1) % 1) * 24)];
    bin.weight += weight;
    bin.a += a * weight;
    bin.b += b * weight;
  }
  const best = bins.reduce((most, bin) => (bin.weight > most.weight ? bin : most));
  if (best.weight === 0) return { hue: 0, chroma: 0 };
  const [a, b] = [best.a / best.weight, best.b / best.weight];
  return { hue: ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360, chroma: Math.min(Math.hypot(a, b) * 1.2, MAX_CHROMA) };
}

/** Set the page's accent colour from a picture. @param {CanvasImageSource} picture */
export function paintAccent(picture, root = document.documentElement) {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, SIDE, SIDE);
  const { hue, chroma } = accentOf(context.getImageData(0, 0, SIDE, SIDE).data);
  root.style.setProperty("--accent-hue", hue.toFixed(1));
  root.style.setProperty("--accent-chroma", chroma.toFixed(3));
}
