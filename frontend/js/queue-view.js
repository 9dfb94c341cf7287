/** Shows the next track, the queue and the search. */

import { find, make, setAttribute, setText } from "./dom.js";
import { joined, mixText, timeText } from "./text.js";

export function mountUpNext() {
  const [section, title, artist, when, reason] = ["up-next", "next-title", "next-artist", "next-in", "next-reason"].map(find);
  const [heading, list] = ["queue-heading", "queue"].map(find);
  let shown = [];
  return {
    update(state, { next, queue, paused }) {
      section.hidden = state.phase === "ended";
      section.dataset.known = String(next !== null);
      setText(title, next?.track.title ?? (paused ? "Chosen when playback resumes" : "Choosing the next track…"));
      setText(artist, next?.track.artist ?? "");
      setText(reason, next?.reason ?? "");
      setText(when, !next || next.inSeconds === null ? "" : joined(whenText(next.inSeconds), mixText(next.transition)));
      heading.hidden = list.hidden = queue.length === 0;
      setText(heading, next ? "After that" : "Queued");
      if (shown.length === queue.length && shown.every((track, i) => track.id === queue[i].id)) return;
      shown = queue;
      list.replaceChildren(...queue.map((track) => line("li", track)));
    },
  };
}

const whenText = (seconds) => (seconds > 0 ? `in ${timeText(Math.ceil(seconds))}` : "now");

/** Make an element with the title and artist of a track. */
function line(tag, track) {
  const element = make(tag);
  element.append(make("span", "line-title", track.title), " ", make("span", "line-artist", track.artist));
  return element;
}

/** @param {{search: (text: string) => void, add: (track: object) => void}} actions */
export function mountSearch(actions) {
  const [input, list, note] = ["search", "found", "search-note"].map(find);
  const options = makeOptions(input, list, actions.add);
  input.oninput = () => actions.search(input.value);
  input.onkeydown = (event) => {
    if (event.isComposing || !options.key(event.key)) return;
    event.preventDefault();
    if (event.key === "Escape") actions.search("");
  };
  return {
    update({ search }, { maySteer }) {
      input.disabled = !maySteer;
      if (input.value.trim() !== search.query) input.value = search.query;
      options.update(maySteer ? search.found : null);
      setText(note, maySteer ? search.note : "");
    },
  };
}

/** Make a list box under a text field. Enter chooses the active option, at first the top one; arrow keys move it. */
function makeOptions(input, list, choose) {
  let tracks = null;
  let active = 0;

  function activate(index) {
    active = index;
    [...list.children].forEach((option, i) => setAttribute(option, "aria-selected", String(i === index)));
    const option = list.children[index];
    if (option) setAttribute(input, "aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  function option(track, index) {
    const element = line("li", track);
    Object.assign(element, { id: `found-${index}`, role: "option", className: "option" });
    element.onmousedown = (event) => event.preventDefault(); // Keep the focus in the field.
    element.onclick = () => choose(track);
    return element;
  }

  return {
    update(found) {
      if (found === tracks) return;
      tracks = found;
      const some = tracks !== null && tracks.length > 0;
      list.replaceChildren(...(tracks ?? []).map(option));
      list.hidden = !some;
      setAttribute(input, "aria-expanded", String(some));
      activate(0);
    },
    /** Handle a key press. Return true if the list used the key. */
    key(key) {
      const count = tracks?.length ?? 0;
      if (key === "Escape") return input.value !== "";
      if (count === 0) return false;
      if (key === "ArrowDown") activate((active + 1) % count);
      else if (key === "ArrowUp") activate((active + count - 1) % count);
      else if (key === "Enter") choose(tracks[active]);
      else return false;
      return true;
    },
  };
}
