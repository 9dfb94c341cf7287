/** Keeps one listener connected for as long as it is wanted: tries, watches, tries again. */

import { WhepClient, WhepError } from "./whep.js";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 5000;
const CONNECT_MS = 15_000;

/** Whether silence on the wire means the connection is dead. A mixer that restarts is quiet for a second. */
export function isLost({ quietMs, connected, eventsDropped }) {
  return quietMs > 4000 || (quietMs > 2500 && !connected) || (quietMs > 1500 && eventsDropped);
}

/** The n-th delay, spread by a fifth so that a restarted server isn't met by everyone at once. */
export function backoff(attempt, random = Math.random()) {
  return Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS) * (0.8 + 0.4 * random);
}

export class Listening {
  #url;
  #hooks;
  #client = null;
  #timer = 0;
  #attempt = 0;
  #packets = 0;
  #packetsAt = 0;
  #eventsDroppedAt = -Infinity;

  /**
   * @param {string} url the WHEP endpoint
   * @param {{phase: (phase: string, detail?: string) => void, stream: (client: WhepClient | null) => void}} hooks
   */
  constructor(url, hooks) {
    this.#url = url;
    this.#hooks = hooks;
  }

  get wanted() {
    return this.#client !== null || this.#timer !== 0;
  }

  get client() {
    return this.#client;
  }

  start() {
    this.#drop();
    this.#attempt = 0;
    this.#hooks.phase("connecting");
    this.#try();
  }

  /** @param {string} phase what is shown afterwards */
  stop(phase = "stopped", detail = "") {
    this.#drop();
    this.#hooks.phase(phase, detail);
  }

  /** The server has just been heard from: don't sit out the delay. */
  hurry() {
    if (this.#timer && !this.#client) this.#again(0);
  }

  eventsDropped(now) {
    this.#eventsDroppedAt = now;
  }

  /** Called every second with the number of packets received so far. */
  watch(packets, now) {
    if (!this.#client) return;
    if (packets !== this.#packets) {
      this.#packets = packets;
      this.#packetsAt = now;
    }
    const connected = this.#client.peer.connectionState === "connected";
    if (!this.#packetsAt) return;
    const lost = { quietMs: now - this.#packetsAt, connected, eventsDropped: this.#eventsDroppedAt >= this.#packetsAt - 1500 };
    if (isLost(lost)) this.#retry("reconnecting");
  }

  async #try() {
    this.#timer = 0;
    this.#packets = 0;
    this.#packetsAt = 0;
    const client = new WhepClient(this.#url, (state) => this.#peerChanged(client, state));
    this.#client = client;
    this.#hooks.stream(client);
    this.#timer = setTimeout(() => this.#client === client && this.#retry("reconnecting"), CONNECT_MS);
    try {
      await client.connect();
    } catch (error) {
      if (this.#client === client) this.#failed(error);
    }
  }

  #peerChanged(client, state) {
    if (this.#client !== client) return;
    if (state === "connected") {
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.#attempt = 0;
      this.#packetsAt = performance.now();
      this.#hooks.phase("listening");
    } else if (state === "failed" || state === "closed") {
      this.#retry("reconnecting");
    }
  }

  #failed(error) {
    const { status = -1, code = "", message = "", retryAfterMs = null } = error instanceof WhepError ? error : {};
    if (status === 0 || status === 502 || status === 504 || (status === 503 && !code)) return this.#retry("restarting", "", retryAfterMs);
    if (status === 503) return this.#retry("reconnecting", `${message} Trying again…`, retryAfterMs);
    if (status === 404 || status >= 500) return this.#retry("reconnecting", "", retryAfterMs);
    this.stop("refused", message);
  }

  #retry(phase, detail = "", afterMs = null) {
    this.#drop();
    this.#hooks.phase(phase, detail);
    this.#again(Math.max(afterMs ?? 0, backoff(this.#attempt++)));
  }

  #again(delayMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#try(), delayMs);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const client = this.#client;
    this.#client = null;
    client?.close();
    if (client) this.#hooks.stream(null);
  }
}
