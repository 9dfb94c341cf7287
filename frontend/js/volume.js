/** The volume and mute of this listener. The volume (0 to 100) is stored in the browser. */

const KEY = "rtc-drift.volume";
const DEFAULT_VOLUME = 80;

/** @param {import("./audio-output.js").AudioOutput} output */
export function makeVolume(output) {
  const current = { volume: stored(), muted: false };
  const apply = () => {
    // People hear loudness as ratios: with the square, the middle of the slider sounds half as loud.
    output.volume = (current.volume / 100) ** 2;
    output.muted = current.muted;
  };
  apply();
  return {
    get now() {
      return current;
    },
    toggleMute() {
      current.muted = !current.muted;
      apply();
    },
    /** Set the volume in percent. This also unmutes. */
    set(percent) {
      Object.assign(current, { volume: percent, muted: false });
      store(percent);
      apply();
    },
  };
}

function stored() {
  try {
    const value = Number.parseInt(localStorage.getItem(KEY), 10);
    return value >= 0 && value <= 100 ? value : DEFAULT_VOLUME;
  } catch {
    return DEFAULT_VOLUME;
  }
}

function store(percent) {
  try {
    localStorage.setItem(KEY, String(percent));
  } catch {
    // A private window may refuse storage. Then the volume isn't kept.
  }
}
