/** Draws the map of the library, with the current and the next track. A click queues the nearest track. */

import { getChanged, getJson, MAP, trackOf } from "./api.js";
import { find, setText } from "./dom.js";
import { trackText } from "./text.js";

const NEAR_PX = 14;
const DOT_PX = 5;
const SMALL_DOT_PX = 2;
/** More tracks than this get small dots: they would cover each other. */
const MANY = 5000;
/** They are translucent, so that crowded places are darker. */
const MANY_ALPHA = 0.3;
const MARGIN_PX = 12;
const REFRESH_MS = 20_000;
/** Time for which the pointer rests on a track before its name is asked for. */
const REST_MS = 80;
const KEPT_NAMES = 500;

/** @param {{queue: (track: object) => Promise<boolean>}} actions */
export function mountMap(actions) {
  const [section, canvas, caption] = ["map", "map-canvas", "map-words"].map(find);
  const pen = canvas.getContext("2d");
  /** All dots, drawn when the map or the size changes: there may be a hundred thousand. */
  const layer = document.createElement("canvas");
  const names = new Map();
  let map = { ids: [], x: [], y: [] };
  /** The size of the canvas without its margins. */
  let inner = { width: 0, height: 0 };
  let tag = "";
  let near = -1;
  let resting = null;
  let shown = { playing: null, next: null, maySteer: false };

  async function refresh() {
    const changed = document.hidden ? null : await getChanged(MAP, tag);
    if (changed) {
      [tag, map, near] = [changed.tag, changed.json, -1];
      section.hidden = map.ids.length === 0;
      drawLayer();
    }
    setTimeout(refresh, REFRESH_MS);
  }

  function place(at) {
    return [MARGIN_PX + map.x[at] * inner.width, MARGIN_PX + (1 - map.y[at]) * inner.height];
  }

  function drawLayer() {
    const [width, height, scale] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio];
    if (width === 0) return;
    inner = { width: width - 2 * MARGIN_PX, height: height - 2 * MARGIN_PX };
    for (const it of [canvas, layer]) {
      it.width = Math.round(width * scale);
      it.height = Math.round(height * scale);
    }
    const dots = layer.getContext("2d");
    const size = map.ids.length > MANY ? SMALL_DOT_PX : DOT_PX;
    dots.scale(scale, scale);
    dots.fillStyle = getComputedStyle(canvas).getPropertyValue("--muted");
    dots.globalAlpha = map.ids.length > MANY ? MANY_ALPHA : 1;
    for (let at = 0; at < map.ids.length; at++) {
      const [x, y] = place(at);
      dots.beginPath();
      dots.roundRect(x - size / 2, y - size / 2, size, size, size / 2);
      dots.fill();
    }
    draw();
  }

  function draw() {
    if (layer.width === 0) return;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(layer, 0, 0);
    pen.scale(devicePixelRatio, devicePixelRatio);
    const [from, to] = [shown.playing, shown.next].map((id) => map.ids.indexOf(id));
    pen.fillStyle = pen.strokeStyle = getComputedStyle(canvas).getPropertyValue("--accent");
    pen.lineWidth = 1.5;
    if (from >= 0 && to >= 0) {
      pen.beginPath();
      pen.moveTo(...place(from));
      pen.lineTo(...place(to));
      pen.stroke();
    }
    if (to >= 0) dot(to, 4);
    if (from >= 0) dot(from, 7);
    if (near >= 0) dot(near, 5);
  }

  function dot(at, radius) {
    pen.beginPath();
    pen.arc(...place(at), radius, 0, 2 * Math.PI);
    pen.fill();
  }

  /** The place in the columns of the track nearest to the pointer; -1 if none is near. */
  function nearest(event) {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [best, least] = [-1, NEAR_PX];
    for (let at = 0; at < map.ids.length; at++) {
      const across = Math.abs(MARGIN_PX + map.x[at] * inner.width - x);
      if (across > least) continue;
      const away = Math.hypot(across, place(at)[1] - y);
      if (away <= least) [best, least] = [at, away];
    }
    return best;
  }

  /** The track at a place in the columns; null if the server does not know it any more. */
  async function trackAt(at) {
    const id = map.ids[at];
    if (!names.has(id)) {
      const track = await getJson(trackOf(id));
      if (!track) return null;
      if (names.size >= KEPT_NAMES) names.clear();
      names.set(id, track);
    }
    return names.get(id);
  }

  async function tell(at) {
    const track = await trackAt(at);
    if (at === near && track) setText(caption, trackText(track));
  }

  function point(event) {
    const latest = event === null ? -1 : nearest(event);
    canvas.style.cursor = latest >= 0 && shown.maySteer ? "pointer" : "";
    if (latest === near) return;
    near = latest;
    clearTimeout(resting);
    if (near >= 0) resting = setTimeout(tell, REST_MS, near);
    else setText(caption, "");
    draw();
  }

  canvas.onpointermove = point;
  canvas.onpointerleave = () => point(null);
  canvas.onclick = async (event) => {
    const at = nearest(event);
    const track = at >= 0 && shown.maySteer ? await trackAt(at) : null;
    if (track && (await actions.queue(track))) setText(caption, `Queued: ${trackText(track)}`);
  };
  new ResizeObserver(drawLayer).observe(canvas);
  refresh();

  return {
    update(state, { track, next, maySteer }) {
      const now = { playing: track?.id ?? null, next: next?.track.id ?? null, maySteer };
      const same = now.playing === shown.playing && now.next === shown.next;
      shown = now;
      if (!same) draw();
    },
  };
}
