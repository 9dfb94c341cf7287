/** The listener's own volume, 0 to 100 and remembered, and mute. */

const KEY = "rtc-drift.volume";
const USUAL = 80;

/** @param {import("./ear.js").Ear} ear */
export function mountSound(ear) {
  const sound = { volume: remembered(), muted: false };
  const apply = () => {
    // Loudness is felt by ratios: the square makes the slider's middle sound like half.
    ear.volume = (sound.volume / 100) ** 2;
    ear.muted = sound.muted;
  };
  apply();
  return {
    get now() {
      return sound;
    },
    mute() {
      sound.muted = !sound.muted;
      apply();
    },
    /** Moving the slider ends a mute. */
    set(percent) {
      Object.assign(sound, { volume: percent, muted: false });
      remember(percent);
      apply();
    },
  };
}

function remembered() {
  try {
    const stored = Number.parseInt(localStorage.getItem(KEY), 10);
    return stored >= 0 && stored <= 100 ? stored : USUAL;
  } catch {
    return USUAL;
  }
}

function remember(percent) {
  try {
    localStorage.setItem(KEY, String(percent));
  } catch {
    // Private windows may refuse; then it just isn't remembered.
  }
}
