/** Keyboard shortcuts: space, p, n and m. They are ignored where the focused element uses the key. */

const USES_SPACE = "a[href], button, summary, input:not([type=range]), textarea, select";
const USES_LETTERS = "input:not([type=range]), textarea, select, [contenteditable]";

/** @param {{toggle: () => void, previous: () => void, next: () => void, mute: () => void}} actions */
export function mountKeyboard(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const within = (selector) => event.target instanceof Element && event.target.closest(selector);
    if (event.key === " " && !within(USES_SPACE)) {
      event.preventDefault();
      actions.toggle();
    } else if (event.key === "p" && !within(USES_LETTERS)) {
      actions.previous();
    } else if (event.key === "n" && !within(USES_LETTERS)) {
      actions.next();
    } else if (event.key === "m" && !within(USES_LETTERS)) {
      actions.mute();
    }
  });
}
