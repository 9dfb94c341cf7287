/** Shows the position in the track. For users who may steer, it is a slider. */

import { find, setAttribute, setText } from "./dom.js";
import { timeText } from "./text.js";

const STEPS = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 };
/** Pause after the last key press before the seek is sent: quick steps become one command. */
const STEPS_END_MS = 400;

/** @param {{preview: (seconds: number | null) => void, seek: (seconds: number) => void}} actions */
export function mountProgress(actions) {
  const [bar, fill, mark, thumb, position, duration] = ["progress", "progress-fill", "progress-mark", "progress-thumb", "position", "duration"].map(find);
  const slider = makeSlider(bar, actions);
  return {
    update({ positionSeconds, durationSeconds, progress, mixAt, maySteer }, seekTo) {
      const known = positionSeconds !== null;
      setText(position, known ? timeText(positionSeconds) : "–:––");
      setText(duration, durationSeconds ? timeText(durationSeconds) : "–:––");
      fill.style.transform = `scaleX(${progress.toFixed(4)})`;
      mark.hidden = mixAt === null || mixAt >= 1;
      if (mixAt !== null) mark.style.left = `${(mixAt * 100).toFixed(2)}%`;
      const movable = maySteer && known && durationSeconds > 0;
      slider.range = movable ? { position: positionSeconds, duration: durationSeconds } : null;
      thumb.hidden = !movable;
      thumb.style.left = `${(progress * 100).toFixed(2)}%`;
      // Screen readers announce every change of a focused slider, so update it only for the user's own steps.
      if (document.activeElement === bar && seekTo === null && movable) return;
      setAttribute(bar, "aria-valuemax", String(Math.round(durationSeconds)));
      setAttribute(bar, "aria-valuenow", String(Math.floor(positionSeconds ?? 0)));
      setAttribute(bar, "aria-valuetext", known ? `${timeText(positionSeconds)} of ${timeText(durationSeconds)}` : "unknown");
    },
  };
}

/** Handle clicks, drags and arrow keys on a bar while it has a range. */
function makeSlider(bar, { preview, seek }) {
  let range = null;
  let dragging = false;
  let stepsTimer = 0;
  const clamp = (seconds) => Math.min(Math.max(seconds, 0), range.duration);
  const secondsAt = ({ clientX }) => {
    const { left, width } = bar.getBoundingClientRect();
    return clamp(((clientX - left) / width) * range.duration);
  };
  const moves = (act) => (event) => range && dragging && act(event);

  bar.onpointerdown = (event) => {
    if (!range || event.button !== 0) return;
    dragging = true;
    bar.setPointerCapture(event.pointerId);
    preview(secondsAt(event));
  };
  bar.onpointermove = moves((event) => preview(secondsAt(event)));
  bar.onpointerup = moves((event) => {
    dragging = false;
    preview(secondsAt(event));
    seek(secondsAt(event));
  });
  bar.onpointercancel = moves(() => {
    dragging = false;
    preview(null);
  });
  bar.onkeydown = (event) => {
    if (!range || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    if (step === undefined && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    const to = event.key === "Home" ? 0 : event.key === "End" ? range.duration : clamp(range.position + step);
    preview(to);
    clearTimeout(stepsTimer);
    stepsTimer = setTimeout(() => range && seek(to), STEPS_END_MS);
  };

  return {
    /** Set the position and length in seconds; null makes the bar read-only. @param {{position: number, duration: number} | null} now */
    set range(now) {
      range = now;
      if (!range) dragging = false;
      setAttribute(bar, "role", range ? "slider" : "progressbar");
      if (range) setAttribute(bar, "tabindex", "0");
      else bar.removeAttribute("tabindex");
    },
  };
}
