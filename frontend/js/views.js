/** The parts of the page. Each mount function finds its elements once and returns an idempotent update(). */

import { coverOf } from "./api.js";
import { drawArt } from "./art.js";
import { paintAccent } from "./accent.js";
import { connectionWords, isActive, phaseWords, timeText } from "./state.js";

const find = (id) => document.getElementById(id);

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** The picture of the track: its cover, or the drawing that stands for it. */
export function mountArt(onaccent) {
  const [canvas, cover] = [find("art"), find("cover")];
  let shownId = null;
  let artwork = "";
  const drawn = () => {
    paintAccent(canvas);
    artwork = canvas.toDataURL("image/jpeg", 0.85);
    onaccent();
  };
  cover.onload = () => {
    cover.hidden = false;
    paintAccent(cover);
    artwork = cover.src;
    onaccent();
  };
  cover.onerror = drawn;
  return {
    artwork: () => artwork,
    update({ track }) {
      if (!track || track.id === shownId) return;
      shownId = track.id;
      cover.hidden = true;
      cover.removeAttribute("src");
      drawArt(canvas, track);
      if (track.hasCover) cover.src = coverOf(track);
      else drawn();
    },
  };
}

export function mountTrack(sessionId) {
  const [eyebrow, title, artist] = ["eyebrow", "title", "artist"].map(find);
  const place = sessionId === "master" ? "" : ` in ${sessionId}`;
  return {
    update({ track, mixing }) {
      setText(eyebrow, (mixing ? "Mixing in" : "Now playing") + place);
      setText(title, track?.title ?? "Waiting for the first track");
      setText(artist, track ? [track.artist, track.album].filter(Boolean).join(" · ") : "");
      document.title = track ? `${track.title} · ${track.artist} · rtc-drift` : "rtc-drift";
    },
  };
}

export function mountProgress() {
  const [bar, fill, mark, position, duration] = ["progress", "progress-fill", "progress-mark", "position", "duration"].map(find);
  return {
    update({ positionSeconds, durationSeconds, progress, mixAt }) {
      const known = positionSeconds !== null;
      setText(position, known ? timeText(positionSeconds) : "–:––");
      setText(duration, durationSeconds ? timeText(durationSeconds) : "–:––");
      fill.style.transform = `scaleX(${progress.toFixed(4)})`;
      mark.hidden = mixAt === null || mixAt >= 1;
      if (mixAt !== null) mark.style.left = `${(mixAt * 100).toFixed(2)}%`;
      setAttribute(bar, "aria-valuemax", String(Math.round(durationSeconds)));
      setAttribute(bar, "aria-valuenow", String(Math.floor(positionSeconds ?? 0)));
      setAttribute(bar, "aria-valuetext", known ? `${timeText(positionSeconds)} of ${timeText(durationSeconds)}` : "unknown");
    },
  };
}

export function mountUpNext() {
  const [section, title, artist, when, reason] = ["up-next", "next-title", "next-artist", "next-in", "next-reason"].map(find);
  return {
    update({ next }) {
      section.dataset.known = String(next !== null);
      setText(title, next?.track.title ?? "Being chosen…");
      setText(artist, next?.track.artist ?? "");
      setText(reason, next?.reason ?? "");
      setText(when, !next || next.inSeconds === null ? "" : next.inSeconds > 0 ? `in ${timeText(Math.ceil(next.inSeconds))}` : "now");
    },
  };
}

/** @param {{toggle: () => void, next: () => void, mute: () => void, volume: (percent: number) => void}} actions */
export function mountControls(actions) {
  const [listen, label, next, mute, volume, notice] = ["listen", "listen-label", "next", "mute", "volume", "notice"].map(find);
  listen.onclick = actions.toggle;
  next.onclick = actions.next;
  mute.onclick = actions.mute;
  volume.oninput = () => actions.volume(volume.valueAsNumber);
  return {
    update(state, { track }, sound) {
      const active = isActive(state);
      setText(label, active ? "Stop" : "Listen");
      setAttribute(listen, "data-active", String(active));
      next.disabled = track === null;
      setAttribute(next, "aria-busy", String(state.asking));
      setAttribute(mute, "aria-pressed", String(sound.muted));
      if (volume.valueAsNumber !== sound.volume) volume.value = String(sound.volume);
      volume.style.setProperty("--fill", `${sound.muted ? 0 : sound.volume}%`);
      setAttribute(volume, "aria-valuetext", `${sound.volume} percent${sound.muted ? ", muted" : ""}`);
      setText(notice, state.notice);
    },
  };
}

export function mountConnection() {
  const [connection, listeners] = ["connection", "listeners"].map(find);
  return {
    update(state) {
      setText(connection, connectionWords(state));
      setAttribute(connection, "data-phase", state.serverUp || isActive(state) ? state.phase : "restarting");
      const count = state.listeners;
      setText(listeners, count === null ? "" : count === 1 ? "1 listener" : `${count} listeners`);
    },
  };
}

/** Says changes aloud to those who don't see them: figures that tick are left out. */
export function mountAnnouncer() {
  const [status, track] = ["say-status", "say-track"].map(find);
  return {
    update(state, view) {
      setText(status, phaseWords(state));
      setText(track, isActive(state) && view.track ? `Now playing ${view.track.title} by ${view.track.artist}` : "");
    },
  };
}

export function mountDetails(stream) {
  const link = find("ogg");
  link.href = stream;
  setText(link, new URL(stream, location.href).href);
  const fields = Object.fromEntries(["codec", "channels", "buffer", "lost", "concealed", "trip", "heard"].map((name) => [name, find(`stat-${name}`)]));
  const ms = (value) => (value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
  return {
    update(stats, exact) {
      const live = stats?.codec ? stats : null;
      setText(fields.codec, live ? live.codec[0].toUpperCase() + live.codec.slice(1) : "–");
      setText(fields.channels, live ? (live.channels === 2 ? "stereo" : "mono") : "–");
      setText(fields.buffer, ms(live?.jitterBufferMs ?? null));
      setText(fields.trip, ms(live?.roundTripMs ?? null));
      setText(fields.lost, live ? `${live.packetsLost} of ${live.packetsReceived + live.packetsLost}` : "–");
      setText(fields.concealed, live ? `${live.concealedSamples} samples` : "–");
      setText(fields.heard, live ? (exact ? "received audio" : "server clock") : "–");
    },
  };
}
