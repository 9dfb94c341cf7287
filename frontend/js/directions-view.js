/** Shows the directions in pairs of opposites, with the number of tracks in each. */

import { find, make, setAttribute, setText } from "./dom.js";
import { count, directionText, directionTimeText, whyFigures, whyText } from "./text.js";

/** @param {{steer: (direction: string | null) => void}} actions */
export function mountDirections(actions) {
  const [section, list, note, time] = ["directions", "directions-list", "directions-note", "directions-time"].map(find);
  let shown = null;
  let buttons = new Map();

  function button(open) {
    const { direction } = open;
    const element = make("button", "direction");
    element.type = "button";
    element.dataset.direction = direction;
    element.append(make("span", "direction-name", open.label), make("span", "direction-count"));
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
    update(state, view) {
      section.hidden = state.phase === "ended" || state.explorer.length === 0;
      const order = state.explorer.map((open) => open.direction).join();
      if (order !== shown) build(state.explorer);
      shown = order;
      for (const open of state.explorer) {
        const element = buttons.get(open.direction);
        element.disabled = !view.maySteer || (open.count === 0 && open.direction !== state.direction);
        setText(element.lastChild, String(open.count));
        setAttribute(element, "aria-pressed", String(open.direction === state.direction));
        setAttribute(element, "aria-label", `${open.label}, ${count(open.count, "track")}`);
        setAttribute(element, "title", open.tracks.map((track) => track.title).join(" · "));
      }
      setText(note, directionText(state));
      setText(time, directionTimeText(state, view)); // Outside the live region: screen readers would announce every second.
    },
  };
}

/** Show why the next track was chosen and how it is mixed in: first in words, the details on request. */
export function mountWhy() {
  const [why, summary, details] = ["next-why", "next-why-summary", "next-why-details"].map(find);
  let shown = "";
  return {
    update({ explorer }, { next }) {
      const lines = next ? [...whyFigures(next.why), ...(next.transition?.reasons ?? [])] : [];
      why.hidden = lines.length === 0;
      setText(summary, whyText(next?.why, explorer) || "About this transition");
      if (lines.join("\n") === shown) return;
      shown = lines.join("\n");
      details.replaceChildren(...lines.map((each) => make("li", "", each)));
    },
  };
}

/** Group the directions into pairs of opposites, in the server's order. */
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
