/**
 * What the page knows. Pure: no DOM, no fetch, no clock of its own.
 * Media times are samples at 48 kHz since the session's mixer started.
 *
 * @typedef {{id: string, title: string, artist: string, album: string, genre: string,
 *            durationSeconds: number, hasCover: boolean, loved: boolean}} Track
 * @typedef {{track: Track, startsAt: number, offsetSamples: number}} PlayingTrack
 * @typedef {{track: Track, startsAt: number, reason?: string,
 *            transition?: {kind: string, durationSamples: number}}} Planned
 * @typedef {{type: "master" | "named" | "follower", following: string | null, locked: boolean,
 *            allowCommands: boolean}} Session
 * @typedef {{direction: string, opposite: string, label: string, count: number, tracks: readonly Track[]}} Open
 * @typedef {"idle" | "connecting" | "listening" | "reconnecting" | "restarting" | "stopped" | "ended"
 *            | "blocked" | "refused"} Phase
 */

import { initialLobby } from "./sessions.js";

export const SAMPLE_RATE = 48000;

/** Events that belong to a moment of the programme; they wait until that moment is heard. */
const TIMED = new Set(["track_started", "track_planned", "transition_started", "playback_changed"]);
/** Transitions that bring another track; after the others the same one goes on. */
const MIXES = new Set(["crossfade", "skip", "rescue"]);

export function initialState(sessionId) {
  return Object.freeze({
    sessionId,
    session: /** @type {Session | null} */ (null),
    phase: /** @type {Phase} */ ("idle"),
    detail: "",
    ended: "",
    serverUp: true,
    behindMs: null,
    playing: /** @type {PlayingTrack | null} */ (null),
    pausedAt: /** @type {number | null} */ (null),
    next: /** @type {Planned | null} */ (null),
    queue: /** @type {readonly Track[]} */ (Object.freeze([])),
    direction: /** @type {string | null} */ (null),
    explorer: /** @type {readonly Open[]} */ (Object.freeze([])),
    transition: null,
    listeners: null,
    followers: 0,
    running: true,
    pending: Object.freeze([]),
    asking: /** @type {readonly string[]} */ (Object.freeze([])),
    seekTo: /** @type {number | null} */ (null),
    notice: "",
    search: Object.freeze({ query: "", found: /** @type {readonly Track[] | null} */ (null), note: "" }),
    lobby: initialLobby,
  });
}

export const change = (state, patch) => Object.freeze({ ...state, ...patch });

/** An event of the server has arrived. Unknown types change nothing. */
export function receive(state, event) {
  if (TIMED.has(event.type)) {
    const pending = [...state.pending, event].sort((a, b) => dueAt(a) - dueAt(b));
    return change(state, { pending: Object.freeze(pending) });
  }
  switch (event.type) {
    case "hello":
      return change(state, greeted(state, event.state));
    case "listeners":
      return change(state, { listeners: event.count, followers: event.followers ?? 0, running: event.running ?? true });
    case "heartbeat":
      return change(state, { running: event.running ?? true });
    case "queue_changed":
      return change(state, { queue: Object.freeze(event.queue) });
    case "direction_changed":
      return change(state, { direction: event.direction });
    case "explorer_snapshot":
      return change(state, { explorer: Object.freeze(event.directions) });
    case "love_changed":
      return loved(state, event.trackId, event.value);
    default:
      return state;
  }
}

/** Everything as the server says it is now. */
function greeted(state, said) {
  const { type = "master", followingSession: following = null, locked = false, allowCommands = true } = said;
  return {
    serverUp: true,
    session: Object.freeze({ type, following, locked, allowCommands }),
    phase: state.phase === "ended" ? "stopped" : state.phase,
    ended: "",
    playing: said.nowPlaying ?? null,
    pausedAt: said.pausedAt ?? null,
    next: said.next ?? null,
    queue: Object.freeze(said.queue ?? []),
    direction: said.direction ?? null,
    explorer: Object.freeze(said.explorer ?? []),
    listeners: said.listeners ?? null,
    followers: said.followers ?? 0,
    running: said.running ?? true,
    transition: null,
    pending: Object.freeze([]),
    seekTo: null,
  };
}

/** A track is loved, or no longer, wherever it is shown or about to be. */
function loved(state, trackId, value) {
  const track = (known) => (known.id === trackId ? { ...known, loved: value } : known);
  const holder = (held) => held && { ...held, track: track(held.track) };
  return change(state, {
    playing: holder(state.playing),
    next: holder(state.next),
    queue: Object.freeze(state.queue.map(track)),
    pending: Object.freeze(
      state.pending.map((event) => {
        if (event.nowPlaying) return { ...event, nowPlaying: holder(event.nowPlaying) };
        return event.track ? holder(event) : event;
      }),
    ),
  });
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
      const { next, pausedAt } = state;
      const stillAhead = next && next.startsAt > startsAt && next.track.id !== track.id;
      return change(state, {
        playing: { track, startsAt, offsetSamples },
        // Whoever presses Next goes on; a pause that came after this track has started stays.
        pausedAt: pausedAt !== null && pausedAt > startsAt ? pausedAt : null,
        next: stillAhead ? next : null,
        seekTo: null,
        notice: "",
      });
    }
    case "playback_changed": {
      const { nowPlaying, pausedAt, change: what } = event;
      const next = what === "paused" ? null : state.next;
      return change(state, { playing: nowPlaying, pausedAt: pausedAt ?? null, next, transition: null, seekTo: null });
    }
    case "track_planned": {
      const { track, startsAt, reason, why, transition } = event;
      return change(state, { next: { track, startsAt, reason, why, transition } });
    }
    case "transition_started": {
      const { from, to, kind, durationSamples, mediaTime } = event;
      return MIXES.has(kind) ? change(state, { transition: { from, to, durationSamples, startsAt: mediaTime } }) : state;
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

/** The session is no more, or never was. @param {string} sentence @param {string} detail for the connection's place */
export const sessionGone = (state, sentence, detail = "") =>
  change(phaseChanged(state, "ended", detail), {
    ended: sentence,
    pending: Object.freeze([]),
    playing: null,
    pausedAt: null,
    next: null,
    queue: Object.freeze([]),
    explorer: Object.freeze([]),
    listeners: null,
    transition: null,
    seekTo: null,
    notice: "",
  });

export const delayMeasured = (state, behindMs) => change(state, { behindMs });

export const serverReached = (state, serverUp) => (serverUp === state.serverUp ? state : change(state, { serverUp }));

const ACTIVE = new Set(["connecting", "listening", "reconnecting", "restarting"]);

/** Whether the listener wants sound, whatever the network does. */
export const isActive = (state) => ACTIVE.has(state.phase);

/** Whether commands make sense: there is something to steer, and this page may. */
export const maySteer = (state) => state.playing !== null && state.session?.allowCommands === true;

/** Whose programme this is: of the session itself, or of the one it follows. */
export const leaderOf = (state) => state.session?.following ?? state.sessionId;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Everything the views need, at the moment `mediaTime` (null: not known yet). */
export function shown(state, mediaTime) {
  const { playing, pausedAt, next, transition } = state;
  const duration = playing?.track.durationSeconds ?? 0;
  const at = (m) => clamp((playing.offsetSamples + m - playing.startsAt) / SAMPLE_RATE, 0, duration);
  const position = playing && mediaTime !== null ? (state.seekTo ?? at(Math.min(mediaTime, pausedAt ?? mediaTime))) : null;
  const paused = pausedAt !== null && mediaTime !== null && mediaTime >= pausedAt;
  return {
    track: playing?.track ?? null,
    maySteer: maySteer(state),
    paused,
    waiting: playing !== null && !state.running && state.phase !== "listening",
    positionSeconds: position,
    durationSeconds: duration,
    progress: position !== null && duration > 0 ? position / duration : 0,
    mixAt: playing && next && !paused && duration > 0 ? at(next.startsAt) / duration : null,
    next: next && {
      track: next.track,
      reason: next.reason ?? "",
      why: next.why ?? null,
      transition: next.transition ?? null,
      inSeconds: mediaTime === null ? null : Math.max(0, (next.startsAt - mediaTime) / SAMPLE_RATE),
    },
    // The head of the queue is shown as what comes next as soon as it is planned.
    queue: next && state.queue[0]?.id === next.track.id ? state.queue.slice(1) : state.queue,
    mixing: transition !== null && transition.to === playing?.track.id,
  };
}

/** @param {string} name of a command that has been sent */
export const asked = (state, name) => change(state, { asking: Object.freeze([...state.asking, name]), notice: "" });

const answered = (state, name) => {
  const at = state.asking.indexOf(name);
  return change(state, { asking: Object.freeze(state.asking.filter((_, i) => i !== at)) });
};

/** The server's answer: `{startsAt, track?, transition?}`. A track that comes next is shown before its event arrives. */
export function accepted(state, name, answer) {
  const { track, startsAt, transition } = answer;
  // A mixer that stands changes at once: then the track may have started before the answer comes.
  const brings = track && (name === "next-track" || name === "previous") && startsAt > (state.playing?.startsAt ?? -1);
  const next = brings ? { track, startsAt, transition, reason: "You asked for it" } : state.next;
  return change(answered(state, name), { next });
}

export const refused = (state, name, sentence) => change(answered(state, name), { notice: sentence, seekTo: null });

export const noticeRead = (state) => (state.notice ? change(state, { notice: "" }) : state);

/** Where somebody is about to go in the track; null: nowhere after all. */
export const seekPreviewed = (state, seconds) => change(state, { seekTo: seconds });

export const searchChanged = (state, patch) => change(state, { search: Object.freeze({ ...state.search, ...patch }) });

export const lobbyChanged = (state, patch) => change(state, { lobby: Object.freeze({ ...state.lobby, ...patch }) });
