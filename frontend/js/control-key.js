/** The form that unlocks a locked session with its control key. */

import { getJson } from "./api.js";
import { find, setText } from "./dom.js";

const KEPT_SECONDS = 400 * 24 * 3600; // the most that browsers allow
const KEY = /^[\w-]{1,100}$/;

/**
 * @param {{info: string}} urls
 * @param {string} sessionId
 * @param {() => void} unlocked called when the server has accepted a key
 */
export function mountControlKey(urls, sessionId, unlocked) {
  const [form, input, note] = ["key-form", "key-input", "key-note"].map(find);
  input.oninput = () => setText(note, "");
  form.onsubmit = async (event) => {
    event.preventDefault();
    const key = input.value.trim();
    if (!key) return;
    const accepted = KEY.test(key) && (await isAccepted(key));
    setText(note, accepted ? "" : "This is not the key of this session.");
    if (!accepted) return;
    input.value = "";
    unlocked();
  };
  return {
    update({ session, phase }) {
      form.hidden = phase === "ended" || !session?.locked || session.allowCommands || session.type === "follower";
    },
  };

  // The server reads the key from a cookie, because an event stream can't have headers of its own.
  async function isAccepted(key) {
    keep(key, KEPT_SECONDS);
    const info = await getJson(urls.info);
    if (info?.allowCommands) return true;
    keep("", 0);
    return false;
  }

  function keep(key, seconds) {
    document.cookie = `rtc-drift-key-${sessionId}=${key}; path=/; max-age=${seconds}; SameSite=Strict`;
  }
}
