/** The buttons that steer the programme for everyone who hears it, and whose programme it is. */

import { find, setAttribute, setText } from "./dom.js";
import { leaderOf } from "./state.js";
import { nameOf, readOnlyWords } from "./words.js";

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
      const busy = new Set(commands.flatMap(([button, name]) => (state.asking.includes(name) ? [button] : [])));
      for (const [button] of commands) setAttribute(button, "aria-busy", String(busy.has(button)));
      const paused = state.pausedAt !== null;
      setText(label, paused ? "Resume for all" : "Pause for all");
      setAttribute(pause, "data-paused", String(paused));
      setAttribute(pause, "title", `${paused ? "Resumes" : "Pauses"} the programme for everyone who hears it`);
      setAttribute(love, "aria-pressed", String(track?.loved ?? false));
      const [words, reason] = readOnlyWords(state);
      setText(readOnly, words);
      setText(why, reason);
    },
  };
}

/** The session's name, or the badge of one that follows another. */
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
