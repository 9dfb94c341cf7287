/** All sentences and labels that depend on the state. Pure: no DOM. */

import { nameProblem } from "./sessions.js";
import { isActive, SAMPLE_RATE } from "./state.js";

const PHASES = {
  idle: "Tap Listen",
  opening: "Opening…",
  connecting: "Connecting…",
  listening: "Listening",
  reconnecting: "Reconnecting…",
  restarting: "Server restarting…",
  stopped: "Stopped",
  ended: "This session has ended",
  blocked: "Your browser paused the sound. Tap Listen.",
  refused: "The server refused the connection",
};

/** Directions whose label is a noun, such as "more bass". */
const NOUNS = new Set(["bassier", "lighter"]);

/** Progress in a direction from which it counts as clear; the server uses the same limit. */
const CLEAR_PROGRESS = 0.3;
/** Distances in sound: 0 is identical, 1 is typical for two random tracks. */
const [SIMILAR_DISTANCE, DIFFERENT_DISTANCE] = [0.4, 0.8];
/** Changes of loudness in LU. */
const [SAME_LOUDNESS_LU, LITTLE_LOUDER_LU] = [0.5, 3];

/** Describe the connection without figures, for screen readers. */
export function phaseText(state) {
  if (!state.serverUp && (state.phase === "idle" || state.phase === "stopped")) return PHASES.restarting;
  return state.detail || PHASES[state.phase];
}

/** Describe the connection, with the delay. */
export function connectionText(state) {
  const phase = phaseText(state);
  return state.phase === "listening" && state.behindMs !== null ? `${phase} · ${Math.round(state.behindMs)} ms delay` : phase;
}

/** Format the server's measurements of a listener, which come from its RTCP reports. */
export function receptionText(reception) {
  if (!reception) return "–";
  const { lossRatio, jitterSeconds, roundTripSeconds } = reception;
  const ms = (seconds) => `${(seconds * 1000).toFixed(1)} ms`;
  const trip = roundTripSeconds === null ? "" : `round trip ${ms(roundTripSeconds)}`;
  return joined(`loss ${(lossRatio * 100).toFixed(1)} %`, `jitter ${ms(jitterSeconds)}`, trip);
}

/** Join the texts that are not empty, with a dot between them. */
export const joined = (...texts) => texts.filter(Boolean).join(" · ");

/** Format a number with its noun. */
const number = (n) => n.toLocaleString("en");
export const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

/** Format the number of listeners and followers. */
export function audienceText({ listeners, followers }) {
  if (listeners === null) return "";
  return count(listeners, "listener") + (followers > 0 ? ` · ${count(followers, "follower")}` : "");
}

/** Describe where the music is steered. */
export function directionText({ direction, explorer }) {
  if (!direction) return "Drifting on its own.";
  const [label, isNoun] = [labelOf(direction, explorer), NOUNS.has(direction)];
  if (isEmpty(direction, explorer)) return isNoun ? `No tracks with ${label} left.` : `No ${label} tracks left.`;
  return isNoun ? `Turning to ${label}.` : `Turning ${label}.`;
}

/**
 * Format when the direction becomes audible: at the start of the next track. Return an empty string if that time is
 * unknown, if the music is stopped, or if the next track was not chosen by its sound, for example if it was queued.
 */
export function directionTimeText({ direction, explorer }, { next, waiting }) {
  const seconds = next?.inSeconds ?? 0;
  if (!direction || isEmpty(direction, explorer) || !next?.why || waiting || seconds <= 0) return "";
  return `You'll hear it in ${timeText(Math.ceil(seconds))}.`;
}

const isEmpty = (direction, explorer) => explorer.some((open) => open.direction === direction && open.count === 0);

/** Return the label of a direction. It comes from the server; until it has come, the id takes its place. */
function labelOf(direction, explorer) {
  const open = explorer.find((known) => known.direction === direction);
  return open?.label ?? direction.replaceAll("_", " ");
}

/** Format a track in one line. */
export const trackText = ({ title, artist }) => joined(title, artist);

/** Describe in words how the next track differs. Its `reason` has tempo and key already. */
export function whyText(why, explorer) {
  if (!why) return "";
  const { direction, progress, distance, lufsChange } = why;
  const label = direction ? labelOf(direction, explorer) : "";
  const parts = direction ? [progressText(progress, label), `otherwise ${similarityText(distance)}`] : [similarityText(distance)];
  const sentence = [...parts, loudnessText(lufsChange)].join(", ");
  return sentence[0].toUpperCase() + sentence.slice(1);
}

function progressText(progress, label) {
  if (progress >= CLEAR_PROGRESS) return `clearly ${label}`;
  return progress > 0 ? `slightly ${label}` : `not ${label}`;
}

function similarityText(distance) {
  if (distance < SIMILAR_DISTANCE) return "similar";
  return distance < DIFFERENT_DISTANCE ? "somewhat different" : "different";
}

function loudnessText(change) {
  if (Math.abs(change) < SAME_LOUDNESS_LU) return "about as loud";
  return `${Math.abs(change) < LITTLE_LOUDER_LU ? "a little " : "clearly "}${change > 0 ? "louder" : "quieter"}`;
}

/** Return the figures behind `whyText`, one sentence each. */
export function whyFigures(why) {
  if (!why) return [];
  const { direction, progress, distance, lufsChange } = why;
  const signed = `${lufsChange < 0 ? "−" : "+"}${Math.abs(lufsChange).toFixed(1)} LU`;
  return [
    direction ? `Change in this direction: ${progress.toFixed(1)} times the spread of the library.` : "",
    `Similarity in everything else: ${Math.round(100 * Math.max(0, 1 - distance))} %.`,
    `Loudness of the recording: ${signed}.`,
  ].filter(Boolean);
}

/** Describe the transition to the next track. */
export function mixText(transition) {
  if (!transition) return "";
  const { style, bars, tempoRatio, durationSamples } = transition;
  const percent = Math.abs(tempoRatio - 1) * 100;
  const stretched = percent < 0.05 ? "" : `played ${percent.toFixed(1)} % ${tempoRatio > 1 ? "faster" : "slower"}`;
  switch (style) {
    case "beat-matched":
      return joined(`${bars}-bar beat mix`, stretched);
    case "gapless":
      return "no gap, as on the album";
    case "cut":
      return "straight cut";
    case "fade":
      return "fade out, fade in";
    default:
      return durationSamples > 0 ? `${(durationSamples / SAMPLE_RATE).toFixed(0)}-second crossfade` : "";
  }
}

/** Describe the library and the progress of its scan and analysis. */
export function libraryText({ source, tracks, analysed, analysisSecondsLeft, scanning, done, total, notice }) {
  const size = source === "demo" ? `Demo library: ${count(tracks, "track")}` : source === "music" ? count(tracks, "track") : "No music yet";
  const reading = scanning && total > 0 ? `${number(done)} of ${number(total)} files read` : "";
  const left = analysisSecondsLeft ? ` (${longText(analysisSecondsLeft)})` : "";
  const analysing = analysed < tracks ? `${number(analysed)} analysed${left}` : "";
  return joined(size, reading, analysing, notice ?? "");
}

/** Return a time that only the analysis of a library takes. */
function longText(seconds) {
  if (seconds < 60) return "less than a minute left";
  return seconds < 5400 ? `about ${Math.round(seconds / 60)} min left` : `about ${Math.round(seconds / 3600)} h left`;
}

/** Return the name of a session as the page shows it. */
export const nameOf = (sessionId) => (sessionId === "master" ? "Master" : sessionId);

/** Return the line above the title. */
export function eyebrowText({ paused, waiting, mixing }) {
  if (paused) return "Paused";
  if (waiting) return "Paused until someone listens";
  return mixing ? "Mixing in" : "Now playing";
}

/** Explain in two sentences why this page may not send commands. Both are empty if it may, or if that is unknown. */
export function readOnlyText({ session }) {
  if (!session || session.allowCommands) return ["", ""];
  if (session.type === "follower") return ["Session is read-only", ""];
  return ["Locked.", "Enter the key to steer."];
}

/** Explain that a session does not exist. @param {{code: string, error: string}} error the server's answer */
export function endedText({ session, sessionId }, error) {
  if (!session) return error.code === "session_not_found" ? `Session not found: “${sessionId}”` : error.error;
  if (session.type !== "follower") return `The session “${sessionId}” has ended.`;
  return error.code === "target_not_found" ? `The session “${session.following}” has ended.` : "This session has ended.";
}

/** Explain that a link could not be opened. @param {{code?: string, message: string}} error the server's answer */
export function linkProblemText({ name }, { code, message }) {
  if (code === "session_not_found") return `Session not found: “${name}”`;
  if (code !== "bad_session_name") return message;
  return `“${name}” can't be the name of a session. ${nameProblem(name)}`.trim();
}

/** Announce the current track to screen readers while the user listens. */
export function playingText(state, { track, paused }) {
  if (!isActive(state) || !track) return "";
  if (paused) return `Paused: ${track.title}`;
  return `Now playing ${track.title}${track.artist ? ` by ${track.artist}` : ""}`;
}

/** Format seconds as `m:ss` or `h:mm:ss`. */
export function timeText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
