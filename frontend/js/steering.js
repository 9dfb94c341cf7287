/** Sends commands to the server and puts its answers into the state. */

import { post } from "./api.js";
import * as model from "./state.js";

const NOTICE_MS = 8000;

/**
 * @param {{command: (name: string) => string}} urls
 * @param {{readonly state: object, update: (state: object) => void}} store
 */
export function makeSteering(urls, store) {
  let noticeTimer = 0;

  async function send(name, body = {}) {
    if (!model.maySteer(store.state)) return false;
    store.update(model.commandSent(store.state, name));
    try {
      const answer = await post(urls.command(name), body);
      store.update(model.commandAccepted(store.state, name, answer));
      return true;
    } catch (error) {
      store.update(model.commandRefused(store.state, name, error.message));
      clearTimeout(noticeTimer);
      noticeTimer = setTimeout(() => store.update(model.noticeExpired(store.state)), NOTICE_MS);
      return false;
    }
  }

  /** Send a command unless the same one still waits for its answer. */
  const once = (name, body) => !store.state.inFlight.includes(name) && send(name, body);

  return {
    previous: () => once("previous"),
    next: () => once("next-track"),
    pause: () => once(store.state.pausedAt === null ? "pause" : "resume"),
    love() {
      const track = store.state.playing?.track;
      if (track) once("love", { trackId: track.id, value: !track.loved });
    },
    /** Steer in a direction; null ends steering. */
    steer: (direction) => once("direction", { direction }),
    preview: (seconds) => store.update(model.seekPreviewed(store.state, seconds)),
    seek: (seconds) => send("seek", { positionSeconds: seconds }),
    /** Queue a track. Resolves to true if the server accepted it. */
    queue: (track) => send("queue", { trackId: track.id }),
  };
}
