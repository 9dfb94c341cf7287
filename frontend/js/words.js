/** What the page says. Pure. */

import { isActive, SAMPLE_RATE } from "./state.js";

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

/** What the server knows of a listener, by the listener's own reports. */
export function receptionWords(reception) {
  if (!reception) return "–";
  const { lossRatio, jitterSeconds, roundTripSeconds } = reception;
  const ms = (seconds) => `${(seconds * 1000).toFixed(1)} ms`;
  const trip = roundTripSeconds === null ? "" : `round trip ${ms(roundTripSeconds)}`;
  return joined(`loss ${(lossRatio * 100).toFixed(1)} %`, `jitter ${ms(jitterSeconds)}`, trip);
}

/** What there is of some words, with a point between each two. */
export const joined = (...words) => words.filter(Boolean).join(" · ");

export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

export function audienceWords({ listeners, followers }) {
  if (listeners === null) return "";
  return count(listeners, "listener") + (followers > 0 ? ` · ${count(followers, "follower")}` : "");
}

/** Where the programme is heading. */
export function directionWords({ direction, explorer }) {
  const heading = explorer.find((open) => open.direction === direction);
  if (!direction) return "It drifts by itself.";
  return heading?.count === 0 ? `Nothing is ${heading.label} than this any more.` : `Heading ${heading?.label ?? direction}.`;
}

/** A track in one line. */
export const trackWords = ({ title, artist }) => joined(title, artist);

/** What a choice weighed beside tempo and key, which its reason tells. */
export function whyWords(why) {
  if (!why) return "";
  const signed = (n, unit, digits = 0) => `${n < 0 ? "−" : "+"}${Math.abs(n).toFixed(digits)} ${unit}`;
  const { direction, progress, distance, lufsChange } = why;
  const along = direction ? `${progress.toFixed(1)} steps that way` : "";
  return joined(along, `${Math.round(100 * Math.max(0, 1 - distance))} % alike in the rest`, signed(lufsChange, "LU", 1));
}

/** How one track gives way to the next. */
export function mixWords(transition) {
  if (!transition) return "";
  const { style, bars, tempoRatio, durationSamples } = transition;
  const percent = Math.abs(tempoRatio - 1) * 100;
  const bent = percent < 0.05 ? "" : `${percent.toFixed(1)} % ${tempoRatio > 1 ? "faster" : "slower"}`;
  const seconds = `${(durationSamples / SAMPLE_RATE).toFixed(0)} s`;
  switch (style) {
    case "beat-matched":
      return joined(`mixed beat on beat over ${bars} bars`, bent);
    case "gapless":
      return "goes straight on, as on the album";
    case "cut":
      return "comes in on the bar";
    case "fade":
      return "fades in behind it";
    default:
      return durationSamples > 0 ? `blends in over ${seconds}` : "";
  }
}

/** What the library holds, and how far it is read and listened to. */
export function libraryWords({ source, tracks, analysed, scanning, done, total, notice }) {
  const held = source === "demo" ? `Demo library: ${count(tracks, "track")}` : source === "music" ? count(tracks, "track") : "No music yet";
  const reading = scanning && total > 0 ? `${done} of ${total} files read` : "";
  const heard = analysed < tracks ? `${analysed} listened to` : "";
  return joined(held, reading, heard, notice ?? "");
}

/** A session's name, as people read it. */
export const nameOf = (sessionId) => (sessionId === "master" ? "Master" : sessionId);

/** What stands over the title. */
export function eyebrowWords({ paused, waiting, mixing }) {
  if (paused) return "Paused";
  if (waiting) return "Goes on when somebody listens";
  return mixing ? "Mixing in" : "Now playing";
}

/** That this page may not steer, and why if that isn't plain; empty when it may, or when that isn't known yet. */
export function readOnlyWords({ session }) {
  if (!session || session.allowCommands) return ["", ""];
  if (session.type === "follower") return ["This session is read-only", ""];
  return ["This session is locked", "· commands need its control key"];
}

/** The sentence for a session that is no more. @param {{code: string, error: string}} told by the server */
export function endedWords({ session, sessionId }, told) {
  if (!session || told.code === "target_not_found") return told.error;
  return session.type === "follower" ? "This session has ended." : `The programme of “${sessionId}” has ended.`;
}

/** Who plays what is announced to those who listen. */
export function playingWords(state, { track, paused }) {
  if (!isActive(state) || !track) return "";
  if (paused) return `Paused: ${track.title}`;
  return `Now playing ${track.title}${track.artist ? ` by ${track.artist}` : ""}`;
}

/** Seconds as `m:ss` or `h:mm:ss`. */
export function timeText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
