/** What the library holds and how far it has been listened to: asked for now and then, more often while it goes on. */

import { getJson, LIBRARY } from "./api.js";
import { find, setText } from "./dom.js";
import { libraryWords } from "./words.js";

const OFTEN_MS = 3000;
const SELDOM_MS = 30_000;

export function followLibrary() {
  const line = find("library");
  async function look() {
    const library = document.hidden ? null : await getJson(LIBRARY);
    if (library) setText(line, libraryWords(library));
    const goesOn = library !== null && (library.scanning || library.analysed < library.tracks);
    setTimeout(look, goesOn ? OFTEN_MS : SELDOM_MS);
  }
  look();
}
