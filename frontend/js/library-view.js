/** Shows the size of the library and the progress of its scan and analysis. Polls more often while they run. */

import { getJson, LIBRARY } from "./api.js";
import { find, setText } from "./dom.js";
import { libraryText } from "./text.js";

const BUSY_POLL_MS = 3000;
const IDLE_POLL_MS = 30_000;

export function followLibrary() {
  const line = find("library");
  async function poll() {
    const library = document.hidden ? null : await getJson(LIBRARY);
    if (library) setText(line, libraryText(library));
    const busy = library !== null && (library.scanning || library.analysed < library.tracks);
    setTimeout(poll, busy ? BUSY_POLL_MS : IDLE_POLL_MS);
  }
  poll();
}
