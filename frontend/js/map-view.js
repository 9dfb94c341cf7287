/** Draws the map of the library, with the current and the next track. A click queues the nearest track. */

import { getJson, MAP } from "./api.js";
import { find, setText } from "./dom.js";
import { trackText } from "./text.js";

const NEAR_PX = 14;
const DOT_PX = 2.5;
const REFRESH_MS = 20_000;

/** @param {{queue: (track: object) => Promise<boolean>}} actions */
export function mountMap(actions) {
  const [section, canvas, caption] = ["map", "map-canvas", "map-words"].map(find);
  const pen = canvas.getContext("2d");
  let points = [];
  let near = null;
  let shown = { playing: null, next: null, maySteer: false };

  async function refresh() {
    const answer = document.hidden ? null : await getJson(MAP);
    if (answer) {
      points = answer.points.map((point) => ({ ...point, id: point.trackId }));
      section.hidden = points.length === 0;
      draw();
    }
    setTimeout(refresh, REFRESH_MS);
  }

  function place({ x, y }) {
    const margin = 12;
    return [margin + x * (canvas.clientWidth - 2 * margin), margin + (1 - y) * (canvas.clientHeight - 2 * margin)];
  }

  function draw() {
    const [width, height, scale] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio];
    if (width === 0) return;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const style = getComputedStyle(canvas);
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = style.getPropertyValue("--muted");
    for (const point of points) dot(point, DOT_PX);
    const [from, to] = [shown.playing, shown.next].map((id) => points.find((point) => point.id === id));
    pen.fillStyle = pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 1.5;
    if (from && to) {
      pen.beginPath();
      pen.moveTo(...place(from));
      pen.lineTo(...place(to));
      pen.stroke();
    }
    if (to) dot(to, 4);
    if (from) dot(from, 7);
    if (near) dot(near, 5);
  }

  function dot(point, radius) {
    pen.beginPath();
    pen.arc(...place(point), radius, 0, 2 * Math.PI);
    pen.fill();
  }

  function nearest(event) {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const away = (point) => Math.hypot(place(point)[0] - x, place(point)[1] - y);
    const best = points.reduce((one, other) => (one === null || away(other) < away(one) ? other : one), null);
    return best && away(best) <= NEAR_PX ? best : null;
  }

  function point(event) {
    near = event === null ? null : nearest(event);
    canvas.style.cursor = near && shown.maySteer ? "pointer" : "";
    setText(caption, near ? trackText(near) : "");
    draw();
  }

  canvas.onpointermove = point;
  canvas.onpointerleave = () => point(null);
  canvas.onclick = async (event) => {
    const track = nearest(event);
    if (track && shown.maySteer && (await actions.queue(track))) setText(caption, `Queued: ${trackText(track)}`);
  };
  new ResizeObserver(draw).observe(canvas);
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
