/** Shows the list of sessions and the form that creates one. */

import { followOf, pageOf } from "./api.js";
import { find, make, setAttribute, setText } from "./dom.js";
import { joinableSessions, tidied } from "./sessions.js";
import { leaderOf } from "./state.js";
import { count, nameOf, trackText } from "./text.js";

/** @param {{toggle: () => void, create: (name: string, locked: boolean) => void, nameTyped: () => void}} actions */
export function mountSessions(actions) {
  const [button, panel, ended, list, note] = ["sessions-open", "sessions", "ended", "sessions-list", "sessions-note"].map(find);
  const form = mountForm(actions);
  const rows = new Map();
  button.onclick = actions.toggle;
  return {
    update(state) {
      const { open, sessions, failed } = state.sessionList;
      panel.hidden = !open;
      button.hidden = state.phase === "ended"; // The list stays open then.
      setAttribute(button, "aria-expanded", String(open));
      if (!open) return;
      const joinable = joinableSessions(sessions ?? []);
      setText(note, failed ? "Cannot load the list. Trying again…" : sessions === null ? "Loading…" : "");
      showRows(list, rows, joinable, state);
      form.update(state.sessionList);
      showEnded(ended, state.ended);
    },
  };

  function showEnded(heading, sentence) {
    heading.hidden = !sentence;
    if (heading.textContent === sentence) return;
    heading.textContent = sentence;
    // The focused element is hidden now, unless the focus is in this panel.
    if (sentence && !panel.contains(document.activeElement)) heading.focus();
  }
}

/** Update the rows. A row is kept as long as its session exists, so that a refresh does not move the focus. */
function showRows(list, rows, joinable, state) {
  const ids = new Set(joinable.map(({ id }) => id));
  for (const [id, row] of rows) {
    if (ids.has(id)) continue;
    row.element.remove();
    rows.delete(id);
  }
  joinable.forEach((session, index) => {
    if (!rows.has(session.id)) rows.set(session.id, makeRow(session.id));
    const row = rows.get(session.id);
    row.update(session, state);
    if (list.children[index] !== row.element) list.insertBefore(row.element, list.children[index] ?? null);
  });
}

function makeRow(id) {
  const element = make("li", "session-row");
  const [name, playing, audience, note] = [make("strong", "session-row-name", nameOf(id)), ...["session-row-track", "session-row-audience", "session-row-note"].map((each) => make("p", each))];
  const [join, follow] = [make("a", "", "Join"), make("a", "", "Follow")];
  join.href = pageOf(id);
  follow.href = followOf(id);
  join.setAttribute("aria-label", `Join ${nameOf(id)}`);
  follow.setAttribute("aria-label", `Follow ${nameOf(id)}`);
  const links = make("p", "session-row-links");
  links.append(join, follow);
  const first = make("p", "session-row-title");
  first.append(name, note);
  element.append(first, playing, audience, links);
  element.dataset.session = id;
  return {
    element,
    update({ locked, track, listeners, followers }, state) {
      const here = id === state.sessionId && !state.ended;
      const followed = state.session?.type === "follower" && leaderOf(state) === id;
      setText(note, here ? "you are here" : followed ? "you follow this" : locked ? "locked" : "");
      setText(playing, track ? trackText(track) : "Nothing playing yet");
      setText(audience, `${count(listeners, "listener")}${followers > 0 ? `, ${count(followers, "follower")}` : ""}`);
      join.hidden = here;
      follow.hidden = followed;
    },
  };
}

function mountForm({ create, nameTyped }) {
  const [form, name, button, problem, locked] = ["create", "new-name", "create-button", "new-problem", "new-locked"].map(find);
  const [created, createdName, key, link] = ["created", "created-name", "created-key", "created-link"].map(find);
  name.oninput = (event) => {
    nameTyped();
    const tidy = tidied(name.value);
    if (event.isComposing || tidy === name.value) return;
    const at = name.selectionStart;
    name.value = tidy;
    name.setSelectionRange(at, at);
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    create(name.value, locked.checked);
  };
  key.onfocus = () => key.select();
  return {
    update({ problem: sentence, creating, created: made }) {
      setText(problem, sentence);
      setAttribute(name, "aria-invalid", String(sentence !== ""));
      button.disabled = creating;
      form.hidden = made !== null;
      if (!made || !created.hidden) return;
      const { sessionId, controlKey } = made;
      createdName.textContent = nameOf(sessionId);
      key.value = controlKey;
      link.href = pageOf(sessionId);
      created.hidden = false;
      key.focus();
    },
  };
}
