/** Loads the list of sessions while it is open, and creates sessions. */

import { CREATE, LIST, getJson, pageOf, post } from "./api.js";
import { nameProblem } from "./sessions.js";
import { sessionListChanged } from "./state.js";

const REFRESH_MS = 10_000;

/** @param {{readonly state: object, update: (state: object) => void}} store */
export function makeSessionList(store) {
  const set = (patch) => store.update(sessionListChanged(store.state, patch));
  let timer = 0;

  async function refresh() {
    const answer = await getJson(LIST);
    set(answer ? { sessions: answer.sessions, failed: false } : { failed: true });
  }

  function open() {
    clearInterval(timer);
    timer = setInterval(() => document.hidden || refresh(), REFRESH_MS);
    set({ open: true });
    refresh();
  }

  function close() {
    clearInterval(timer);
    set({ open: false });
  }

  async function create(sessionName, locked) {
    if (store.state.sessionList.creating) return;
    const problem = nameProblem(sessionName);
    set({ problem, creating: !problem });
    if (problem) return;
    try {
      const { sessionId, controlKey } = await post(CREATE, { sessionName, options: locked ? { locked } : {} });
      set({ creating: false, created: controlKey ? { sessionId, controlKey } : null });
      if (controlKey) refresh();
      else location.assign(pageOf(sessionId));
    } catch (error) {
      set({ problem: error.message, creating: false });
    }
  }

  return {
    open,
    toggle: () => (store.state.sessionList.open ? close() : open()),
    create,
    nameTyped: () => store.state.sessionList.problem && set({ problem: "" }),
  };
}
