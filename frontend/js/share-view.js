/** The link, and its QR code, with which others follow along. */

import { codeOf, followOf } from "./api.js";
import { find, setText } from "./dom.js";
import { leaderOf } from "./state.js";
import { nameOf } from "./words.js";

const HERE_ONLY = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);
const SAID_MS = 2000;

/** @param {Location} location of this page */
export function mountShare({ origin, hostname }) {
  const [open, dialog, heading, code, link] = ["share-open", "share", "share-heading", "share-code", "follow-link"].map(find);
  const [copy, note, close, said] = ["share-copy", "share-note", "share-close", "share-said"].map(find);
  let leader = "";
  note.hidden = !HERE_ONLY.has(hostname);
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
  // A click beside the dialog is one on its backdrop, which counts as the dialog itself.
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  link.onfocus = () => link.select();
  copy.onclick = async () => {
    const done = await copied(link);
    copy.textContent = done ? "Copied" : "Copy";
    said.textContent = done ? "The link is copied." : "The link is selected: copy it with the keyboard.";
    setTimeout(() => {
      copy.textContent = "Copy";
      said.textContent = "";
    }, SAID_MS);
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

/** Plain HTTP has no clipboard but on this very machine, only the old command. */
async function copied(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
