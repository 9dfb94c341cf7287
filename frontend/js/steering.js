/** Commands: what may be asked is asked, and what the server answers is shown. */

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
    store.update(model.asked(store.state, name));
    try {
      const answer = await post(urls.command(name), body);
      store.update(model.accepted(store.state, name, answer));
      return true;
    } catch (error) {
      store.update(model.refused(store.state, name, error.message));
      clearTimeout(noticeTimer);
      noticeTimer = setTimeout(() => store.update(model.noticeRead(store.state)), NOTICE_MS);
      return false;
    }
  }

  /** One at a time: a second press before the answer means the first. */
  const once = (name, body) => !store.state.asking.includes(name) && send(name, body);

  return {
    previous: () => once("previous"),
    next: () => once("next-track"),
    pause: () => once(store.state.pausedAt === null ? "pause" : "resume"),
    love() {
      const track = store.state.playing?.track;
      if (track) once("love", { trackId: track.id, value: !track.loved });
    },
    /** Null: nowhere in particular. */
    steer: (direction) => once("direction", { direction }),
    preview: (seconds) => store.update(model.seekPreviewed(store.state, seconds)),
    seek: (seconds) => send("seek", { positionSeconds: seconds }),
    /** Resolves to whether the track is queued. */
    queue: (track) => send("queue", { trackId: track.id }),
  };
}
