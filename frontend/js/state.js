/**
 * What the page knows and what it shows. Pure: no DOM, no fetch, no clock of its own.
 * Media times are samples at 48 kHz since the session's mixer started.
 *
 * @typedef {{id: string, title: string, artist: string, album: string, genre: string,
 *            durationSeconds: number, hasCover: boolean}} Track
 * @typedef {{track: Track, startsAt: number, offsetSamples: number}} PlayingTrack
 * @typedef {{track: Track, startsAt: number, reason?: string,
 *            transition?: {kind: string, durationSamples: number}}} Planned
 * @typedef {"idle" | "connecting" | "listening" | "reconnecting" | "restarting" | "stopped" | "ended"
 *            | "blocked" | "refused"} Phase
 */

export const SAMPLE_RATE = 48000;

/** Events that belong to a moment of the programme; they wait until that moment is heard. */
const TIMED = new Set(["track_started", "track_planned", "transition_started"]);

export function initialState(sessionId) {
  return Object.freeze({
    sessionId,
    phase: /** @type {Phase} */ ("idle"),
    detail: "",
    serverUp: true,
    behindMs: null,
    playing: /** @type {PlayingTrack | null} */ (null),
    next: /** @type {Planned | null} */ (null),
    transition: null,
    listeners: null,
    pending: Object.freeze([]),
    asking: false,
    notice: "",
  });
}

const change = (state, patch) => Object.freeze({ ...state, ...patch });

/** An event of the server has arrived. Unknown types change nothing. */
export function receive(state, event) {
  if (TIMED.has(event.type)) {
    const pending = [...state.pending, event].sort((a, b) => dueAt(a) - dueAt(b));
    return change(state, { pending: Object.freeze(pending) });
  }
  switch (event.type) {
    case "hello":
      return change(state, {
        serverUp: true,
        playing: event.state.nowPlaying ?? null,
        next: event.state.next ?? null,
        listeners: event.state.listeners ?? null,
        transition: null,
        pending: Object.freeze([]),
      });
    case "listeners":
      return change(state, { listeners: event.count });
    case "session_ended":
      return change(state, { phase: "ended", pending: Object.freeze([]), next: null });
    default:
      return state;
  }
}

const dueAt = (event) => event.mediaTime ?? -Infinity;

/** The moment `mediaTime` is being heard now: apply every event that belongs to it or to an earlier one. */
export function advance(state, mediaTime) {
  const due = state.pending.filter((event) => mediaTime === null || dueAt(event) <= mediaTime);
  if (due.length > 0) {
    const pending = Object.freeze(state.pending.slice(due.length));
    state = due.reduce(apply, change(state, { pending }));
  }
  const { transition } = state;
  const over = transition && mediaTime !== null && mediaTime >= transition.startsAt + transition.durationSamples;
  return over ? change(state, { transition: null }) : state;
}

function apply(state, event) {
  switch (event.type) {
    case "track_started": {
      const { track, startsAt, offsetSamples } = event;
      const stillAhead = state.next && state.next.startsAt > startsAt && state.next.track.id !== track.id;
      return change(state, {
        playing: { track, startsAt, offsetSamples },
        next: stillAhead ? state.next : null,
        notice: "",
      });
    }
    case "track_planned": {
      const { track, startsAt, reason, transition } = event;
      return change(state, { next: { track, startsAt, reason, transition } });
    }
    case "transition_started": {
      const { from, to, durationSamples, mediaTime } = event;
      return change(state, { transition: { from, to, durationSamples, startsAt: mediaTime } });
    }
    default:
      return state;
  }
}

/** The media time at which the next waiting event will be heard, or null. */
export const nextDue = (state) => (state.pending.length > 0 ? dueAt(state.pending[0]) : null);

/** @param {Phase} phase @param {string} detail a sentence to show instead of the phase's own words */
export function phaseChanged(state, phase, detail = "") {
  const behindMs = phase === "listening" ? state.behindMs : null;
  return change(state, { phase, detail, behindMs });
}

export const delayMeasured = (state, behindMs) => change(state, { behindMs });

export const serverReached = (state, serverUp) => (serverUp === state.serverUp ? state : change(state, { serverUp }));

export const nextAsked = (state) => change(state, { asking: true, notice: "" });

/** The answer to Next: `{startsAt, track?, transition?}`. */
export function nextAccepted(state, answer) {
  const { track, startsAt, transition } = answer;
  const next = track ? { track, startsAt, transition, reason: "You asked for it" } : state.next;
  return change(state, { asking: false, next });
}

export const nextRefused = (state, sentence) => change(state, { asking: false, notice: sentence });

export const noticeRead = (state) => (state.notice ? change(state, { notice: "" }) : state);

const ACTIVE = new Set(["connecting", "listening", "reconnecting", "restarting"]);

/** Whether the listener wants sound, whatever the network does. */
export const isActive = (state) => ACTIVE.has(state.phase);

const WORDS = {
  idle: "Press Listen",
  connecting: "Connecting…",
  listening: "Listening",
  reconnecting: "Reconnecting…",
  restarting: "The server is restarting…",
  stopped: "Stopped",
  ended: "This programme has ended",
  blocked: "The browser held the sound back: press Listen again",
  refused: "The server refused the connection",
};

/** The connection in words, without figures: what is announced to screen readers. */
export function phaseWords(state) {
  if (!state.serverUp && (state.phase === "idle" || state.phase === "stopped")) return WORDS.restarting;
  return state.detail || WORDS[state.phase];
}

/** The connection in words, as shown. */
export function connectionWords(state) {
  const words = phaseWords(state);
  return state.phase === "listening" && state.behindMs !== null ? `${words} · ${Math.round(state.behindMs)} ms behind` : words;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Everything the views need, at the moment `mediaTime` (null: not known yet). */
export function shown(state, mediaTime) {
  const { playing, next, transition } = state;
  const at = (m) => clamp((playing.offsetSamples + m - playing.startsAt) / SAMPLE_RATE, 0, playing.track.durationSeconds);
  const duration = playing?.track.durationSeconds ?? 0;
  const position = playing && mediaTime !== null ? at(mediaTime) : null;
  return {
    track: playing?.track ?? null,
    positionSeconds: position,
    durationSeconds: duration,
    progress: position !== null && duration > 0 ? position / duration : 0,
    mixAt: playing && next && duration > 0 ? at(next.startsAt) / duration : null,
    next: next && {
      track: next.track,
      reason: next.reason ?? "",
      inSeconds: mediaTime === null ? null : Math.max(0, (next.startsAt - mediaTime) / SAMPLE_RATE),
    },
    mixing: transition !== null && transition.to === playing?.track.id,
  };
}

/** Seconds as `m:ss` or `h:mm:ss`. */
export function timeText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
