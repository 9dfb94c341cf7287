/** Reads the event stream of a session. Reopens it when it ends or is silent; a heartbeat comes every 10 s. */

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
    // Named events don't reach onmessage.
    for (const type of TYPES) source.addEventListener(type, (message) => this.#message(message));
    source.onerror = () => this.reopen();
    this.#restartWatchdog();
  }

  close() {
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }

  #message(message) {
    this.#delay = FIRST_DELAY_MS;
    this.#restartWatchdog();
    let event;
    try {
      event = JSON.parse(message.data);
    } catch {
      return;
    }
    if (event?.type) this.#hooks.event(event);
  }

  #restartWatchdog() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.reopen(), SILENCE_MS);
  }

  // Open a new EventSource: the browser's own retry waits 3 to 5 s and gives up on a 503.
  // The new stream begins with a hello, which replaces all missed events.
  reopen() {
    this.close();
    this.#hooks.lost();
    this.#watchdog = setTimeout(() => this.open(), this.#delay);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
  }
}
