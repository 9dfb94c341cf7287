/** The session's event stream, reopened when it ends or falls silent. A heartbeat comes every 10 s. */

const SILENCE_MS = 25_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 5000;

const TYPES = [
  ...["hello", "track_started", "track_planned", "transition_started", "direction_changed", "queue_changed"],
  ...["playback_changed", "love_changed", "listeners", "heartbeat", "session_ended", "explorer_snapshot"],
];

export class Events {
  #url;
  #hooks;
  #source = null;
  #watchdog = 0;
  #delay = FIRST_DELAY_MS;

  /** @param {{event: (event: object) => void, lost: () => void}} hooks */
  constructor(url, hooks) {
    this.#url = url;
    this.#hooks = hooks;
  }

  open() {
    this.close();
    const source = new EventSource(this.#url);
    this.#source = source;
    source.onmessage = (message) => this.#message(message);
    // The stream may name its events; a named one doesn't reach onmessage.
    for (const type of TYPES) source.addEventListener(type, (message) => this.#message(message));
    source.onerror = () => this.reopen();
    this.#feed();
  }

  close() {
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }

  #message(message) {
    this.#delay = FIRST_DELAY_MS;
    this.#feed();
    let event;
    try {
      event = JSON.parse(message.data);
    } catch {
      return;
    }
    if (event?.type) this.#hooks.event(event);
  }

  #feed() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.reopen(), SILENCE_MS);
  }

  // A new EventSource rather than the browser's own retry: that one waits 3 to 5 s and gives up on a 503.
  // It begins with a fresh hello, which replaces all that may have been missed.
  reopen() {
    this.close();
    this.#hooks.lost();
    this.#watchdog = setTimeout(() => this.open(), this.#delay);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
  }
}
