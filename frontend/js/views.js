/** The parts of the page. Each mount function finds its elements once and returns an idempotent update(). */

import { coverOf } from "./api.js";
import { drawArt } from "./art.js";
import { paintAccent } from "./accent.js";
import { find, setAttribute, setText } from "./dom.js";
import { isActive } from "./state.js";
import { audienceText, connectionText, eyebrowText, joined, phaseText, playingText, receptionText } from "./text.js";

/** Show the cover of the track, or a drawing if it has none. */
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

export function mountTrack() {
  const [section, footer, eyebrow, title, artist] = ["now", "footer", "eyebrow", "title", "artist"].map(find);
  return {
    update(state, view) {
      const { track } = view;
      section.hidden = footer.hidden = state.phase === "ended";
      setText(eyebrow, eyebrowText(view));
      setText(title, track?.title ?? "Waiting for the first track");
      setText(artist, joined(track?.artist, track?.album));
      const pageTitle = joined(track?.title, track?.artist, "rtc-drift");
      if (document.title !== pageTitle) document.title = pageTitle;
    },
  };
}

/** Show the controls of this listener: Listen, mute and volume. @param {{toggle: () => void, mute: () => void, volume: (percent: number) => void}} actions */
export function mountControls(actions) {
  const [listen, label, mute, volume, notice] = ["listen", "listen-label", "mute", "volume", "notice"].map(find);
  listen.onclick = actions.toggle;
  mute.onclick = actions.mute;
  volume.oninput = () => actions.volume(volume.valueAsNumber);
  return {
    update(state, { volume: percent, muted }) {
      const active = isActive(state);
      setText(label, active ? "Stop" : "Listen");
      setAttribute(listen, "data-active", String(active));
      setAttribute(mute, "aria-pressed", String(muted));
      if (volume.valueAsNumber !== percent) volume.value = String(percent);
      volume.style.setProperty("--fill", `${muted ? 0 : percent}%`);
      setAttribute(volume, "aria-valuetext", `${percent} percent${muted ? ", muted" : ""}`);
      if (notice.textContent === state.notice) return;
      notice.textContent = state.notice;
      if (state.notice) notice.scrollIntoView({ block: "nearest" });
    },
  };
}

export function mountConnection() {
  const [connection, listeners] = ["connection", "listeners"].map(find);
  return {
    update(state) {
      setText(connection, connectionText(state));
      setAttribute(connection, "data-phase", state.serverUp || isActive(state) || state.phase === "ended" ? state.phase : "restarting");
      setText(listeners, audienceText(state));
    },
  };
}

/** Announce changes to screen readers. Leaves out figures that change all the time. */
export function mountAnnouncer() {
  const [status, track] = ["say-status", "say-track"].map(find);
  return {
    update(state, view) {
      setText(status, phaseText(state));
      setText(track, playingText(state, view));
    },
  };
}

/** Show the connection details. */
export function mountDetails(stream) {
  const link = find("ogg");
  link.href = stream;
  setText(link, new URL(stream, location.href).href);
  const fields = Object.fromEntries(["codec", "channels", "buffer", "lost", "concealed", "trip", "server", "heard"].map((name) => [name, find(`stat-${name}`)]));
  const ms = (value) => (value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
  return {
    get open() {
      return find("details").open;
    },
    /**
     * @param {boolean} exact true if the position comes from the received audio
     * @param {object | null} reception the server's measurements of this listener
     */
    update(stats, exact, reception) {
      const live = stats?.codec ? stats : null;
      setText(fields.codec, live ? live.codec[0].toUpperCase() + live.codec.slice(1) : "–");
      setText(fields.channels, live ? (live.channels === 2 ? "stereo" : "mono") : "–");
      setText(fields.buffer, ms(live?.jitterBufferMs ?? null));
      setText(fields.trip, ms(live?.roundTripMs ?? null));
      setText(fields.lost, live ? `${live.packetsLost} of ${live.packetsReceived + live.packetsLost}` : "–");
      setText(fields.concealed, live ? `${live.concealedSamples} samples` : "–");
      setText(fields.server, live ? receptionText(reception) : "–");
      setText(fields.heard, live ? (exact ? "received audio" : "server clock") : "–");
    },
  };
}
