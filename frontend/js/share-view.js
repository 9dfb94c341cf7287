/** Shows the follow link and its QR code. */

import { codeOf, followOf } from "./api.js";
import { find, setText } from "./dom.js";
import { leaderOf } from "./state.js";
import { nameOf } from "./text.js";

const LOOPBACK_NAMES = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);
const COPIED_MS = 2000;

/** @param {Location} location of this page */
export function mountShare({ origin, hostname }) {
  const [open, dialog, heading, code, link] = ["share-open", "share", "share-heading", "share-code", "follow-link"].map(find);
  const [copy, note, close, status] = ["share-copy", "share-note", "share-close", "share-said"].map(find);
  let leader = "";
  note.hidden = !LOOPBACK_NAMES.has(hostname);
  setText(note, `This page was opened as ${hostname}, so the link works on this machine only.`);

  open.onclick = () => {
    code.hidden = false;
    code.src = codeOf(leader);
    dialog.showModal();
  };
  code.onerror = () => {
    code.hidden = true;
  };
  close.onclick = () => dialog.close();
  // A click outside the dialog hits its backdrop, which has the dialog as target.
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  link.onfocus = () => link.select();
  copy.onclick = async () => {
    const done = await copied(link);
    copy.textContent = done ? "Copied" : "Copy";
    status.textContent = done ? "Link copied." : "The link is selected. Copy it with the keyboard.";
    setTimeout(() => {
      copy.textContent = "Copy";
      status.textContent = "";
    }, COPIED_MS);
  };

  return {
    update(state) {
      const shareable = Boolean(state.session) && state.session.type !== "follower" && state.phase !== "ended";
      open.hidden = !shareable;
      if (!shareable && dialog.open) dialog.close();
      if (leader === leaderOf(state)) return;
      leader = leaderOf(state);
      setText(heading, `Share ${nameOf(leader)}`);
      link.value = origin + followOf(leader);
    },
  };
}

/** Copy a field's text. Over plain HTTP only localhost has the clipboard API; elsewhere use the old command. */
async function copied(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
