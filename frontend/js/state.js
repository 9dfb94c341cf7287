/**
 * The state of the page and all changes to it. Pure: no DOM, no requests, no clock.
 * Media times are samples at 48 kHz since the session's mixer started.
 *
 * @typedef {{id: string, title: string, artist: string, album: string, genre: string,
 *            durationSeconds: number, hasCover: boolean, loved: boolean}} Track
 * @typedef {{track: Track, startsAt: number, offsetSamples: number, positionMap: ?number[][]}} PlayingTrack
 * @typedef {{track: Track, startsAt: number, reason?: string,
 *            transition?: {kind: string, style: string, durationSamples: number, bars: number, tempoRatio: number,
 *                          reasons: readonly string[]}}} Planned
 * @typedef {{type: "master" | "named" | "follower", following: string | null, locked: boolean,
 *            allowCommands: boolean}} Session
 * @typedef {{direction: string, opposite: string, label: string, count: number, tracks: readonly Track[]}} Open
 * @typedef {"idle" | "opening" | "connecting" | "listening" | "reconnecting" | "restarting" | "stopped" | "ended"
 *            | "blocked" | "refused"} Phase
 */

import { emptyQueue, followed, isBehind, queueOf } from "./queue.js";
import { initialSessionList } from "./sessions.js";

export const SAMPLE_RATE = 48000;

/** Events with a media time. They wait until this listener plays that time. */
const TIMED = new Set(["track_started", "track_planned", "transition_started", "playback_changed"]);
/** Kinds of transitions that bring another track. The other kinds continue the same track. */
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
    queue: emptyQueue,
    direction: /** @type {string | null} */ (null),
    explorer: /** @type {readonly Open[]} */ (Object.freeze([])),
    transition: null,
    listeners: null,
    followers: 0,
    running: true,
    pending: Object.freeze([]),
    inFlight: /** @type {readonly string[]} */ (Object.freeze([])),
    seekTo: /** @type {number | null} */ (null),
    notice: "",
    search: Object.freeze({ query: "", found: /** @type {readonly Track[] | null} */ (null), note: "" }),
    sessionList: initialSessionList,
  });
}

export const change = (state, patch) => Object.freeze({ ...state, ...patch });

/** Add an event from the server. Ignores unknown types. */
export function receive(state, event) {
  if (TIMED.has(event.type)) {
    const pending = [...state.pending, event].sort((a, b) => dueAt(a) - dueAt(b));
    return change(state, { pending: Object.freeze(pending) });
  }
  switch (event.type) {
    case "hello":
      return change(state, fromHello(state, event.state));
    case "listeners":
      return change(state, { listeners: event.count, followers: event.followers ?? 0, running: event.running ?? true });
    case "heartbeat":
      return change(state, { running: event.running ?? true });
    case "queue_changed":
      return change(state, { queue: followed(state.queue, event) });
    case "direction_changed":
      return change(state, { direction: event.direction });
    case "explorer_snapshot":
      return change(state, { explorer: Object.freeze(event.directions) });
    case "love_changed":
      return setLoved(state, event.trackId, event.value);
    default:
      return state;
  }
}

/** Take over the whole state that the server sent in a hello. */
function fromHello(state, sent) {
  const { type = "master", followingSession: following = null, locked = false, allowCommands = true } = sent;
  return {
    serverUp: true,
    session: Object.freeze({ type, following, locked, allowCommands }),
    phase: state.phase === "ended" ? "stopped" : state.phase,
    ended: "",
    playing: sent.nowPlaying ?? null,
    pausedAt: sent.pausedAt ?? null,
    next: sent.next ?? null,
    queue: queueOf(sent),
    direction: sent.direction ?? null,
    explorer: Object.freeze(sent.explorer ?? []),
    listeners: sent.listeners ?? null,
    followers: sent.followers ?? 0,
    running: sent.running ?? true,
    transition: null,
    pending: Object.freeze([]),
    seekTo: null,
  };
}

/** Set or clear the love of a track everywhere in the state. */
function setLoved(state, trackId, value) {
  const track = (known) => (known.id === trackId ? { ...known, loved: value } : known);
  const holder = (held) => held && { ...held, track: track(held.track) };
  return change(state, {
    playing: holder(state.playing),
    next: holder(state.next),
    pending: Object.freeze(
      state.pending.map((event) => {
        if (event.nowPlaying) return { ...event, nowPlaying: holder(event.nowPlaying) };
        return event.track ? holder(event) : event;
      }),
    ),
  });
}

const dueAt = (event) => event.mediaTime ?? -Infinity;

/** Apply all waiting events up to `mediaTime`, the time that is being played. */
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
      const { track, startsAt, offsetSamples, positionMap } = event;
      const { next, pausedAt } = state;
      const stillAhead = next && next.startsAt > startsAt && next.track.id !== track.id;
      return change(state, {
        playing: { track, startsAt, offsetSamples, positionMap },
        // A new track ends a pause, unless the pause came after the start of this track.
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

/** Return true if changes of the queue are missing, so that it has to be read. */
export const isQueueBehind = (state) => isBehind(state.queue);

/** Take over the queue from the whole state that the server sent. It may be older than the latest event. */
export const queueRead = (state, sent) => change(state, { queue: queueOf(sent, state.queue) });

/** Return the media time of the next waiting event, or null. */
export const nextDue = (state) => (state.pending.length > 0 ? dueAt(state.pending[0]) : null);

/** Set the phase of the connection. @param {Phase} phase @param {string} detail a sentence to show instead of the phase's usual text */
export function phaseChanged(state, phase, detail = "") {
  const behindMs = phase === "listening" ? state.behindMs : null;
  return change(state, { phase, detail, behindMs });
}

/** Set the phase to ended: the session does not exist. @param {string} sentence the heading @param {string} detail the connection text */
export const sessionGone = (state, sentence, detail = "") =>
  change(phaseChanged(state, "ended", detail), {
    ended: sentence,
    pending: Object.freeze([]),
    playing: null,
    pausedAt: null,
    next: null,
    queue: emptyQueue,
    explorer: Object.freeze([]),
    listeners: null,
    transition: null,
    seekTo: null,
    notice: "",
  });

export const delayMeasured = (state, behindMs) => change(state, { behindMs });

export const serverReached = (state, serverUp) => (serverUp === state.serverUp ? state : change(state, { serverUp }));

const ACTIVE = new Set(["connecting", "listening", "reconnecting", "restarting"]);

/** Return true if the user has pressed Listen, whatever the network does. */
export const isActive = (state) => ACTIVE.has(state.phase);

/** Return true if a track is playing and this page may send commands. */
export const maySteer = (state) => state.playing !== null && state.session?.allowCommands === true;

/** Return the id of the session that is followed, or of this session if it follows none. */
export const leaderOf = (state) => state.session?.following ?? state.sessionId;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Return the sample of the file that is heard at a media time: by the map while the tempo is another one. */
export function positionAt({ startsAt, offsetSamples, positionMap }, mediaTime) {
  const after = positionMap?.findIndex(([time]) => time > mediaTime) ?? -1;
  if (after < 0) return offsetSamples + mediaTime - startsAt;
  if (after === 0) return positionMap[0][1];
  const [[time, position], [nextTime, nextPosition]] = positionMap.slice(after - 1, after + 1);
  return position + ((mediaTime - time) * (nextPosition - position)) / (nextTime - time);
}

/** Compute what the views show at `mediaTime` (null if unknown). */
export function viewOf(state, mediaTime) {
  const { playing, pausedAt, next, transition } = state;
  const { tracks } = state.queue;
  const duration = playing?.track.durationSeconds ?? 0;
  const at = (m) => clamp(positionAt(playing, m) / SAMPLE_RATE, 0, duration);
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
    // Once planned, the first track of the queue is shown as the next track.
    queue: next && tracks[0]?.id === next.track.id ? tracks.slice(1) : tracks,
    mixing: transition !== null && transition.to === playing?.track.id,
  };
}

/** Record a command that was sent. @param {string} name of the command */
export const commandSent = (state, name) => change(state, { inFlight: Object.freeze([...state.inFlight, name]), notice: "" });

const answered = (state, name) => {
  const at = state.inFlight.indexOf(name);
  return change(state, { inFlight: Object.freeze(state.inFlight.filter((_, i) => i !== at)) });
};

/** Apply the server's answer, `{startsAt, track?, transition?}`. Shows the next track before its event arrives. */
export function commandAccepted(state, name, answer) {
  const { track, startsAt, transition } = answer;
  // A stopped mixer changes at once, so the track may start before the answer comes.
  const brings = track && (name === "next-track" || name === "previous") && startsAt > (state.playing?.startsAt ?? -1);
  const reason = name === "previous" ? "You went back to this track." : "You skipped to this track.";
  const next = brings ? { track, startsAt, transition, reason } : state.next;
  return change(answered(state, name), { next });
}

export const commandRefused = (state, name, sentence) => change(answered(state, name), { notice: sentence, seekTo: null });

export const noticeExpired = (state) => (state.notice ? change(state, { notice: "" }) : state);

/** Show the position that a seek would go to; null ends the preview. */
export const seekPreviewed = (state, seconds) => change(state, { seekTo: seconds });

export const searchChanged = (state, patch) => change(state, { search: Object.freeze({ ...state.search, ...patch }) });

export const sessionListChanged = (state, patch) => change(state, { sessionList: Object.freeze({ ...state.sessionList, ...patch }) });
