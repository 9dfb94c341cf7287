/** The sessions one can go to, and the form that makes another. */

import { followOf, pageOf } from "./api.js";
import { find, make, setAttribute, setText } from "./dom.js";
import { rooms, tidied } from "./sessions.js";
import { leaderOf } from "./state.js";
import { count, joined, nameOf } from "./words.js";

/** @param {{toggle: () => void, create: (name: string, locked: boolean) => void, nameTyped: () => void}} actions */
export function mountSessions(actions) {
  const [button, panel, ended, list, note] = ["sessions-open", "sessions", "ended", "sessions-list", "sessions-note"].map(find);
  const form = mountForm(actions);
  const rows = new Map();
  button.onclick = actions.toggle;
  return {
    update(state) {
      const { open, sessions, failed } = state.lobby;
      panel.hidden = !open;
      button.hidden = state.phase === "ended"; // Then there is nothing else to look at.
      setAttribute(button, "aria-expanded", String(open));
      if (!open) return;
      const found = rooms(sessions ?? []);
      setText(note, failed ? "The list could not be fetched; trying again…" : sessions === null ? "Looking…" : "");
      showRows(list, rows, found, state);
      form.update(state.lobby);
      say(ended, state.ended);
    },
  };

  function say(heading, sentence) {
    heading.hidden = !sentence;
    if (heading.textContent === sentence) return;
    heading.textContent = sentence;
    // What had the focus is gone with the programme, unless somebody was busy in here.
    if (sentence && !panel.contains(document.activeElement)) heading.focus();
  }
}

/** Rows stay as long as their sessions do, so that a refresh takes the focus from nobody. */
function showRows(list, rows, found, state) {
  const ids = new Set(found.map(({ id }) => id));
  for (const [id, row] of rows) {
    if (ids.has(id)) continue;
    row.element.remove();
    rows.delete(id);
  }
  found.forEach((room, index) => {
    if (!rows.has(room.id)) rows.set(room.id, makeRow(room.id));
    const row = rows.get(room.id);
    row.update(room, state);
    if (list.children[index] !== row.element) list.insertBefore(row.element, list.children[index] ?? null);
  });
}

function makeRow(id) {
  const element = make("li", "room");
  const [name, plays, hears, place] = [make("strong", "room-name", nameOf(id)), ...["room-plays", "room-hears", "room-place"].map((each) => make("p", each))];
  const [join, follow] = [make("a", "", "Join"), make("a", "", "Follow")];
  join.href = pageOf(id);
  follow.href = followOf(id);
  join.setAttribute("aria-label", `Join ${nameOf(id)}`);
  follow.setAttribute("aria-label", `Follow ${nameOf(id)}`);
  const links = make("p", "room-links");
  links.append(join, follow);
  const first = make("p", "room-title");
  first.append(name, place);
  element.append(first, plays, hears, links);
  element.dataset.session = id;
  return {
    element,
    update({ locked, track, listeners, followers }, state) {
      const here = id === state.sessionId && !state.ended;
      const followed = state.session?.type === "follower" && leaderOf(state) === id;
      setText(place, here ? "you are here" : followed ? "you follow it" : locked ? "locked" : "");
      setText(plays, track ? joined(track.title, track.artist) : "Nothing yet");
      setText(hears, `${count(listeners, "listener")}${followers > 0 ? `, ${count(followers, "follower")}` : ""}`);
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
    update(lobby) {
      setText(problem, lobby.problem);
      setAttribute(name, "aria-invalid", String(lobby.problem !== ""));
      button.disabled = lobby.creating;
      form.hidden = lobby.created !== null;
      if (!lobby.created || !created.hidden) return;
      const { sessionId, controlKey } = lobby.created;
      createdName.textContent = nameOf(sessionId);
      key.value = controlKey;
      link.href = pageOf(sessionId);
      created.hidden = false;
      key.focus();
    },
  };
}
