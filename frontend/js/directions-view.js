/** Where the music may go from here: pairs of opposites, each with how many tracks lie that way. */

import { find, make, setAttribute, setText } from "./dom.js";
import { count, directionWords, whyWords } from "./words.js";

/** @param {{steer: (direction: string | null) => void}} actions */
export function mountDirections(actions) {
  const [section, list, note] = ["directions", "directions-list", "directions-note"].map(find);
  let shown = null;
  let buttons = new Map();

  function button({ direction, label }) {
    const element = make("button", "direction");
    element.type = "button";
    element.dataset.direction = direction;
    element.append(make("span", "direction-name", label), make("span", "direction-count"));
    element.onclick = () => actions.steer(element.getAttribute("aria-pressed") === "true" ? null : direction);
    return element;
  }

  function build(explorer) {
    buttons = new Map(explorer.map((open) => [open.direction, button(open)]));
    list.replaceChildren(
      ...pairs(explorer).map((pair) => {
        const row = make("li", "pair");
        row.append(...pair.map(({ direction }) => buttons.get(direction)));
        return row;
      }),
    );
  }

  return {
    update(state, { maySteer }) {
      section.hidden = state.phase === "ended" || state.explorer.length === 0;
      const order = state.explorer.map((open) => open.direction).join();
      if (order !== shown) build(state.explorer);
      shown = order;
      for (const open of state.explorer) {
        const element = buttons.get(open.direction);
        element.disabled = !maySteer || (open.count === 0 && open.direction !== state.direction);
        setText(element.lastChild, String(open.count));
        setAttribute(element, "aria-pressed", String(open.direction === state.direction));
        setAttribute(element, "aria-label", `${open.label}, ${count(open.count, "track")}`);
        setAttribute(element, "title", open.tracks.map((track) => track.title).join(" · "));
      }
      setText(note, directionWords(state));
    },
  };
}

/** What the choice of the next track weighed. */
export function mountWhy() {
  const why = find("next-why");
  return { update: (_, { next }) => setText(why, whyWords(next?.why ?? null)) };
}

/** Opposites side by side, in the order in which they are told. */
function pairs(explorer) {
  const left = new Map(explorer.map((open) => [open.direction, open]));
  const found = [];
  for (const open of explorer) {
    if (!left.delete(open.direction)) continue;
    const opposite = left.get(open.opposite);
    left.delete(open.opposite);
    found.push(opposite ? [open, opposite] : [open]);
  }
  return found;
}
