/** Searches for tracks while the user types, and queues the chosen one. */

import { getJson, searchOf } from "./api.js";
import { searchChanged } from "./state.js";
import { count } from "./text.js";

const DEBOUNCE_MS = 200;
const LIMIT = 8;

/**
 * @param {{readonly state: object, update: (state: object) => void}} store
 * @param {(track: object) => Promise<boolean>} queue
 */
export function makeSearching(store, queue) {
  let timer = 0;
  let turn = 0;

  async function fetchTracks(query) {
    const asked = turn;
    const answer = await getJson(searchOf(query, LIMIT));
    if (asked !== turn) return; // The user has typed more.
    store.update(searchChanged(store.state, { found: answer?.tracks ?? null, note: foundText(query, answer) }));
  }

  return {
    search(text) {
      const query = text.trim();
      clearTimeout(timer);
      turn += 1;
      store.update(searchChanged(store.state, { query, note: "", ...(query ? {} : { found: null }) }));
      if (query) timer = setTimeout(fetchTracks, DEBOUNCE_MS, query);
    },
    async add(track) {
      if (!(await queue(track))) return;
      clearTimeout(timer);
      turn += 1;
      store.update(searchChanged(store.state, { query: "", found: null, note: `Queued: ${track.title}` }));
    },
  };
}

function foundText(query, answer) {
  if (!answer) return "Search failed. Please try again.";
  const { tracks, total } = answer;
  if (tracks.length === 0) return `Nothing found for “${query}”.`;
  return total > tracks.length ? `Showing ${tracks.length} of ${total} tracks` : `${count(total, "track")} found`;
}
