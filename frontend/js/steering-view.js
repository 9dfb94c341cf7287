/** Shows the buttons that control playback for all listeners, and the name of the session. */

import { find, setAttribute, setText } from "./dom.js";
import { leaderOf } from "./state.js";
import { nameOf, readOnlyText } from "./text.js";

/** @param {{previous: () => void, pause: () => void, next: () => void, love: () => void}} actions */
export function mountSteering(actions) {
  const [previous, pause, label, next, love] = ["previous", "pause", "pause-label", "next", "love"].map(find);
  const [readOnly, why] = ["read-only", "read-only-why"].map(find);
  previous.onclick = actions.previous;
  pause.onclick = actions.pause;
  next.onclick = actions.next;
  love.onclick = actions.love;
  return {
    update(state, { maySteer, track }) {
      const commands = [[previous, "previous"], [pause, "pause"], [pause, "resume"], [next, "next-track"], [love, "love"]];
      for (const [button] of commands) button.disabled = !maySteer;
      const busy = new Set(commands.flatMap(([button, name]) => (state.inFlight.includes(name) ? [button] : [])));
      for (const [button] of commands) setAttribute(button, "aria-busy", String(busy.has(button)));
      const paused = state.pausedAt !== null;
      setText(label, paused ? "Resume for all" : "Pause for all");
      setAttribute(pause, "data-paused", String(paused));
      setAttribute(pause, "title", `${paused ? "Resume" : "Pause"} for all listeners`);
      setAttribute(love, "aria-pressed", String(track?.loved ?? false));
      const [sentence, reason] = readOnlyText(state);
      setText(readOnly, sentence);
      setText(why, reason);
    },
  };
}

/** Show the name of the session; on a follower's page, the badge with its leader. */
export function mountName() {
  const [name, badge] = ["session-name", "following"].map(find);
  return {
    update(state) {
      const known = state.session !== null && state.phase !== "ended";
      const follows = known && state.session.type === "follower";
      name.hidden = !known || follows;
      setText(name, nameOf(state.sessionId));
      badge.hidden = !follows;
      setText(badge, follows ? `[FOLLOWING: ${leaderOf(state)}]` : "");
    },
  };
}
