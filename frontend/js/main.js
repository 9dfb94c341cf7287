/** The controller: events and gestures go in, the state goes down to the views. */

import { addresses, getJson, sessionOf, whyGone } from "./api.js";
import { MediaClock } from "./clock.js";
import { mountDirections, mountWhy } from "./directions-view.js";
import { Ear } from "./ear.js";
import { Events } from "./events.js";
import { mountKeyboard } from "./keyboard.js";
import { followLibrary } from "./library-view.js";
import { Listening } from "./listening.js";
import { makeLobby } from "./lobby.js";
import { mountMap } from "./map-view.js";
import { mountMediaSession } from "./media-session.js";
import { mountProgress } from "./progress-view.js";
import { mountSearch, mountUpNext } from "./queue-view.js";
import { makeSearching } from "./searching.js";
import { mountSessions } from "./sessions-view.js";
import { mountShare } from "./share-view.js";
import * as model from "./state.js";
import { makeSteering } from "./steering.js";
import { mountName, mountSteering } from "./steering-view.js";
import { mountSound } from "./sound.js";
import { behindMs, readStats } from "./stats.js";
import * as views from "./views.js";
import { Visual } from "./visual.js";
import { endedWords } from "./words.js";

const LONGEST_TICK_MS = 250;
const STATS_MS = 1000;
const RECEPTION_MS = 2500;
const ASK_QUICKLY_MS = 250;
const ASK_SLOWLY_MS = 5000;
const QUICK_QUESTIONS = 20;
const AUDIBLE_RMS = 0.001; // -60 dBFS

const urls = addresses(sessionOf(location.pathname));
const clock = new MediaClock();
const ear = new Ear();
const timeline = { clickedAt: null, firstAudibleAt: null };
const sound = mountSound(ear);

let state = model.initialState(sessionOf(location.pathname));
let stats = null;
let reception = null;
let tickTimer = 0;
let audibleTimer = 0;
let questions = { asked: 0, at: -Infinity };

const listening = new Listening(urls.whep, { phase: phaseChanged, stream: streamChanged });
const events = new Events(urls.events, { event: eventArrived, lost: eventsLost });
const store = { get state() { return state; }, update };
const steering = makeSteering(urls, store);
const searching = makeSearching(store, steering.queue);
const lobby = makeLobby(store);
const actions = { toggle, listen, stop: () => listening.stop(), mute, volume, ...steering, ...searching };

const visual = new Visual(document.getElementById("visual"), ear);
const art = views.mountArt(() => visual.repaint());
const painters = [
  views.mountTrack(),
  views.mountConnection(),
  views.mountAnnouncer(),
  mountName(),
  mountSteering(actions),
  mountDirections(actions),
  mountUpNext(),
  mountWhy(),
  mountMap(actions),
  mountSearch(actions),
  mountSessions(lobby),
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

/** Reads the clock, lets due events happen, paints, and comes back in time for the next one. */
function tick() {
  clearTimeout(tickTimer);
  const now = readClock();
  if (listening.client && clock.needsOffset(now)) askForOffset(now);
  const heard = clock.heard(now);
  state = model.advance(state, heard);
  paint(heard, now);
  const due = model.nextDue(state);
  const untilDue = due === null || heard === null ? LONGEST_TICK_MS : (due - heard) / (model.SAMPLE_RATE / 1000);
  tickTimer = setTimeout(tick, Math.min(Math.max(untilDue, 10), LONGEST_TICK_MS));
}

function readClock() {
  const now = performance.now();
  const [source] = listening.client?.receiver.getSynchronizationSources() ?? [];
  if (source) clock.read(source, now);
  return now;
}

function paint(heard, now) {
  const view = model.shown(state, heard);
  art.update(view);
  for (const painter of painters) painter.update(state, view);
  progress.update(view, state.seekTo);
  controls.update(state, sound.now);
  details.update(stats, clock.exact(now), reception);
  mediaSession.update({ track: view.track, artwork: art.artwork(), active: model.isActive(state), maySteer: view.maySteer });
  visual.listening = state.phase === "listening";
}

function eventArrived(event) {
  const now = performance.now();
  if (event.type === "hello") {
    clock.forget();
    questions = { asked: 0, at: -Infinity };
    clock.tell(event.mediaTime, now, event.state.running);
    listening.hurry();
  } else if (event.type === "listeners" || event.type === "heartbeat") {
    clock.tell(event.mediaTime, now, event.running);
  } else if (event.type === "session_ended") {
    events.reopen();
  } else {
    clock.happened(event.mediaTime, now);
  }
  update(model.receive(state, event));
}

/** A server that stops says goodbye and comes back; only one that is up and doesn't know the session means its end. */
async function eventsLost() {
  listening.eventsDropped(performance.now());
  update(model.serverReached(state, false));
  const told = await whyGone(urls.info);
  if (!told || state.phase === "ended") return;
  events.close();
  listening.stop("ended");
  lobby.open();
  update(model.sessionGone(state, endedWords(state, told), state.session ? "" : "No such session"));
}

function phaseChanged(phase, detail) {
  if (phase === "listening") questions = { asked: 0, at: -Infinity };
  update(model.phaseChanged(state, phase, detail));
  if (!model.isActive(state)) {
    clearInterval(audibleTimer);
    ear.rest();
  }
}

function streamChanged(client) {
  stats = reception = null;
  if (!client) return ear.detach();
  ear.attach(client.stream).catch((error) => {
    if (error.name === "NotAllowedError" && listening.client === client) listening.stop("blocked");
  });
}

/** The server learns a listener's RTP offset with its first packet, so the first answers may lack it. */
async function askForOffset(now) {
  if (now - questions.at < (questions.asked < QUICK_QUESTIONS ? ASK_QUICKLY_MS : ASK_SLOWLY_MS)) return;
  questions = { asked: questions.asked + 1, at: now };
  const info = await getJson(ofThisListener(urls.info));
  if (!info?.rtpClock) return;
  clock.tell(info.rtpClock.mediaTime, performance.now());
  clock.learn(info.rtpClock.offsets);
}

function toggle() {
  if (model.isActive(state)) listening.stop();
  else listen();
}

function listen() {
  if (model.isActive(state) || state.phase === "ended") return;
  Object.assign(timeline, { clickedAt: performance.now(), firstAudibleAt: null });
  ear.wake();
  listening.start();
  clearInterval(audibleTimer);
  audibleTimer = setInterval(noteFirstSound, 5);
}

function noteFirstSound() {
  const { left, right } = ear.levels();
  if (Math.max(left, right) < AUDIBLE_RMS) return;
  timeline.firstAudibleAt = performance.now();
  clearInterval(audibleTimer);
}

function mute() {
  sound.mute();
  tick();
}

function volume(percent) {
  sound.set(percent);
  tick();
}

async function measure() {
  const client = listening.client;
  const fresh = await readStats(client?.peer ?? null, stats);
  if (client !== listening.client) return;
  stats = fresh;
  if (!client) return;
  listening.watch(fresh.packetsReceived, performance.now());
  if (state.phase === "listening") update(model.delayMeasured(state, behindMs(fresh)));
}

/** The server may have thousands of listeners; it is asked about this one. */
function ofThisListener(url) {
  const source = listening.client?.receiver.getSynchronizationSources()[0]?.source;
  return source === undefined ? url : `${url}${url.includes("?") ? "&" : "?"}ssrc=${source}`;
}

/** What the server knows of this listener, while somebody looks at it. */
async function askForReception() {
  const source = listening.client?.receiver.getSynchronizationSources()[0]?.source;
  if (source === undefined || !details.open) return;
  const info = await getJson(ofThisListener(urls.info));
  reception = info?.reception?.[source] ?? null;
}

mountKeyboard(actions);
followLibrary();
setInterval(measure, STATS_MS);
setInterval(askForReception, RECEPTION_MS);
addEventListener("pagehide", () => {
  if (model.isActive(state)) listening.stop();
  events.close();
});
addEventListener("pageshow", (event) => event.persisted && state.phase !== "ended" && events.open());
events.open();
tick();

/** For tests and for the curious. */
window.rtcDrift = {
  state: () => state,
  stream: () => listening.client?.stream ?? null,
  levels: () => ear.levels(),
  stats: () => readStats(listening.client?.peer ?? null),
  heard() {
    const now = readClock();
    return { mediaTime: clock.heard(now), exact: clock.exact(now) };
  },
  timeline,
};
