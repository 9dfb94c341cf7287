/** Looks tracks up while somebody types, and queues the one that is chosen. */

import { getJson, searchOf } from "./api.js";
import { searchChanged } from "./state.js";

const AFTER_MS = 200;
const LIMIT = 8;

/**
 * @param {{readonly state: object, update: (state: object) => void}} store
 * @param {(track: object) => Promise<boolean>} queue
 */
export function makeSearching(store, queue) {
  let timer = 0;
  let turn = 0;

  async function look(query) {
    const asked = turn;
    const answer = await getJson(searchOf(query, LIMIT));
    if (asked !== turn) return; // Typing has gone on.
    store.update(searchChanged(store.state, { found: answer?.tracks ?? null, note: foundWords(query, answer) }));
  }

  return {
    search(text) {
      const query = text.trim();
      clearTimeout(timer);
      turn += 1;
      store.update(searchChanged(store.state, { query, note: "", ...(query ? {} : { found: null }) }));
      if (query) timer = setTimeout(look, AFTER_MS, query);
    },
    async add(track) {
      if (!(await queue(track))) return;
      clearTimeout(timer);
      turn += 1;
      store.update(searchChanged(store.state, { query: "", found: null, note: `Queued: ${track.title}` }));
    },
  };
}

function foundWords(query, answer) {
  if (!answer) return "The search could not be made.";
  const { tracks, total } = answer;
  if (tracks.length === 0) return `Nothing found for “${query}”.`;
  return total > tracks.length ? `The first ${tracks.length} of ${total} found` : `${tracks.length} found`;
}
