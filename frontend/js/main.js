/** The controller: applies events and user actions to the state and updates the views. */

import { addresses, getJson, missingSession, sessionOf } from "./api.js";
import { AudioOutput } from "./audio-output.js";
import { MediaClock } from "./clock.js";
import { Connection } from "./connection.js";
import { mountControlKey } from "./control-key.js";
import { mountDirections, mountWhy } from "./directions-view.js";
import { Events } from "./events.js";
import { mountKeyboard } from "./keyboard.js";
import { followLibrary } from "./library-view.js";
import { linkOf, openLink } from "./link.js";
import { mountMap } from "./map-view.js";
import { mountMediaSession } from "./media-session.js";
import { mountProgress } from "./progress-view.js";
import { mountSearch, mountUpNext } from "./queue-view.js";
import { makeSearching } from "./searching.js";
import { makeSessionList } from "./session-list.js";
import { mountSessions } from "./sessions-view.js";
import { mountShare } from "./share-view.js";
import { Spectrum } from "./spectrum.js";
import * as model from "./state.js";
import { behindMs, readStats } from "./stats.js";
import { makeSteering } from "./steering.js";
import { mountName, mountSteering } from "./steering-view.js";
import { endedText, linkProblemText } from "./text.js";
import * as views from "./views.js";
import { makeVolume } from "./volume.js";

const LONGEST_TICK_MS = 250;
const STATS_MS = 1000;
const RECEPTION_MS = 2500;
/** How often to ask for the RTP offset: often for the first requests, then seldom. */
const [FAST_POLL_MS, SLOW_POLL_MS, FAST_POLLS] = [250, 5000, 20];
const AUDIBLE_RMS = 0.001; // -60 dBFS
const QUEUE_RETRY_MS = 1000;

const link = linkOf(location.pathname);
const urls = addresses(sessionOf(location.pathname));
const clock = new MediaClock();
const output = new AudioOutput();
const timeline = { clickedAt: null, firstAudibleAt: null };
const volume = makeVolume(output);

let state = model.initialState(sessionOf(location.pathname));
let stats = null;
let reception = null;
let tickTimer = 0;
let audibleTimer = 0;
let offsetPolls = { count: 0, at: -Infinity };
let readingQueue = false;

const connection = new Connection(urls.whep, { phase: phaseChanged, stream: streamChanged });
const events = new Events(urls.events, { event: eventArrived, lost: eventsLost });
const store = { get state() { return state; }, update };
const steering = makeSteering(urls, store);
const searching = makeSearching(store, steering.queue);
const sessionList = makeSessionList(store);
const actions = { toggle, listen, stop: () => connection.stop(), mute, volume: setVolume, ...steering, ...searching };

const spectrum = new Spectrum(document.getElementById("visual"), output);
const art = views.mountArt(() => spectrum.repaint());
const painters = [
  views.mountTrack(),
  views.mountConnection(),
  views.mountAnnouncer(),
  mountName(),
  mountSteering(actions),
  mountControlKey(urls, state.sessionId, () => events.open()),
  mountDirections(actions),
  mountUpNext(),
  mountWhy(),
  mountMap(actions),
  mountSearch(actions),
  mountSessions(sessionList),
  mountShare(location),
];
const progress = mountProgress(actions);
const controls = views.mountControls(actions);
const details = views.mountDetails(urls.stream);
const mediaSession = mountMediaSession(actions);

function update(next) {
  state = next;
  tick();
}

/** Read the clock, apply due events and paint. Schedules itself for the next event. */
function tick() {
  clearTimeout(tickTimer);
  const now = readClock();
  if (connection.client && clock.needsOffset(now)) askForOffset(now);
  const played = clock.played(now);
  state = model.advance(state, played);
  paint(played, now);
  const due = model.nextDue(state);
  const untilDue = due === null || played === null ? LONGEST_TICK_MS : (due - played) / (model.SAMPLE_RATE / 1000);
  tickTimer = setTimeout(tick, Math.min(Math.max(untilDue, 10), LONGEST_TICK_MS));
}

function readClock() {
  const now = performance.now();
  const [source] = connection.client?.receiver.getSynchronizationSources() ?? [];
  if (source) clock.setReading(source, now);
  return now;
}

function paint(played, now) {
  const view = model.viewOf(state, played);
  art.update(view);
  for (const painter of painters) painter.update(state, view);
  progress.update(view, state.seekTo);
  controls.update(state, volume.now);
  details.update(stats, clock.exact(now), reception);
  mediaSession.update({ track: view.track, artwork: art.artwork(), active: model.isActive(state), maySteer: view.maySteer });
  spectrum.active = state.phase === "listening";
}

function eventArrived(event) {
  const now = performance.now();
  if (event.type === "hello") {
    clock.reset();
    offsetPolls = { count: 0, at: -Infinity };
    clock.setServerTime(event.mediaTime, now, event.state.running);
    connection.retryNow();
  } else if (event.type === "listeners" || event.type === "heartbeat") {
    clock.setServerTime(event.mediaTime, now, event.running);
  } else if (event.type === "session_ended") {
    events.reopen();
  } else {
    clock.noteEvent(event.mediaTime, now);
  }
  update(model.receive(state, event));
  if (model.isQueueBehind(state)) readQueue();
}

/** Read the whole queue, until it holds all changes that are known of. */
async function readQueue() {
  if (readingQueue) return;
  readingQueue = true;
  while (model.isQueueBehind(state)) {
    const info = await getJson(urls.info);
    if (info) update(model.queueRead(state, info));
    if (model.isQueueBehind(state)) await new Promise((done) => setTimeout(done, QUEUE_RETRY_MS));
  }
  readingQueue = false;
}

/** Handle the loss of the event stream. The session has ended only if a running server says that it does not exist. */
async function eventsLost() {
  connection.eventsDropped(performance.now());
  update(model.serverReached(state, false));
  const missing = await missingSession(urls.info);
  if (!missing || state.phase === "ended") return;
  events.close();
  connection.stop("ended");
  sessionList.open();
  update(model.sessionGone(state, endedText(state, missing), state.session ? "" : "Session not found"));
}

/** Open a link that creates or follows a session, and go on to the page of that session. */
async function follow(link) {
  update(model.phaseChanged(state, "opening"));
  try {
    location.replace(await openLink(link));
  } catch (error) {
    sessionList.open();
    update(model.sessionGone(state, linkProblemText(link, error), "The link could not be opened"));
  }
}

function phaseChanged(phase, detail) {
  if (phase === "listening") offsetPolls = { count: 0, at: -Infinity };
  update(model.phaseChanged(state, phase, detail));
  if (!model.isActive(state)) {
    clearInterval(audibleTimer);
    output.suspend();
  }
}

function streamChanged(client) {
  stats = reception = null;
  if (!client) return output.detach();
  output.attach(client.stream).catch((error) => {
    if (error.name === "NotAllowedError" && connection.client === client) connection.stop("blocked");
  });
}

/** Ask the server for the RTP offset of this listener. It is unknown until the first packet, so the first answers may lack it. */
async function askForOffset(now) {
  if (now - offsetPolls.at < (offsetPolls.count < FAST_POLLS ? FAST_POLL_MS : SLOW_POLL_MS)) return;
  offsetPolls = { count: offsetPolls.count + 1, at: now };
  const info = await getJson(ofThisListener(urls.info));
  if (!info?.rtpClock) return;
  clock.setServerTime(info.rtpClock.mediaTime, performance.now());
  clock.setOffsets(info.rtpClock.offsets);
}

function toggle() {
  if (model.isActive(state)) connection.stop();
  else listen();
}

function listen() {
  if (model.isActive(state) || state.phase === "ended" || link) return;
  Object.assign(timeline, { clickedAt: performance.now(), firstAudibleAt: null });
  output.resume();
  connection.start();
  clearInterval(audibleTimer);
  audibleTimer = setInterval(noteFirstSound, 5);
}

function noteFirstSound() {
  const { left, right } = output.levels();
  if (Math.max(left, right) < AUDIBLE_RMS) return;
  timeline.firstAudibleAt = performance.now();
  clearInterval(audibleTimer);
}

function mute() {
  volume.toggleMute();
  tick();
}

function setVolume(percent) {
  volume.set(percent);
  tick();
}

async function measure() {
  const client = connection.client;
  const fresh = await readStats(client?.peer ?? null, stats);
  if (client !== connection.client) return;
  stats = fresh;
  if (!client) return;
  connection.watch(fresh.packetsReceived, performance.now());
  if (state.phase === "listening") update(model.delayMeasured(state, behindMs(fresh)));
}

/** Add the SSRC of this listener to a URL, so that the server answers for this listener only. */
function ofThisListener(url) {
  const source = connection.client?.receiver.getSynchronizationSources()[0]?.source;
  return source === undefined ? url : `${url}${url.includes("?") ? "&" : "?"}ssrc=${source}`;
}

/** Ask for the server's measurements of this listener while the details are open. */
async function askForReception() {
  const source = connection.client?.receiver.getSynchronizationSources()[0]?.source;
  if (source === undefined || !details.open) return;
  const info = await getJson(ofThisListener(urls.info));
  reception = info?.reception?.[source] ?? null;
}

mountKeyboard(actions);
followLibrary();
setInterval(measure, STATS_MS);
setInterval(askForReception, RECEPTION_MS);
addEventListener("pagehide", () => {
  if (model.isActive(state)) connection.stop();
  events.close();
});
addEventListener("pageshow", (event) => event.persisted && state.phase !== "ended" && !link && events.open());
if (link) follow(link);
else events.open();
tick();

/** For tests and debugging. */
window.rtcDrift = {
  state: () => state,
  stream: () => connection.client?.stream ?? null,
  levels: () => output.levels(),
  stats: () => readStats(connection.client?.peer ?? null),
  heard() {
    const now = readClock();
    return { mediaTime: clock.played(now), exact: clock.exact(now) };
  },
  timeline,
};
