/** Keeps one listener connected: connects, watches the connection and reconnects. */

import { WhepClient, WhepError } from "./whep.js";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 5000;
const CONNECT_MS = 15_000;

/** Return true if the connection is lost. A restarting mixer sends no packets for about a second: that isn't a loss. */
export function isLost({ quietMs, connected, eventsDropped }) {
  return quietMs > 4000 || (quietMs > 2500 && !connected) || (quietMs > 1500 && eventsDropped);
}

/** Return the delay before a retry. It varies by ±20 %, so that not all listeners reconnect at the same moment. */
export function backoff(attempt, random = Math.random()) {
  return Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS) * (0.8 + 0.4 * random);
}

export class Connection {
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

  get client() {
    return this.#client;
  }

  start() {
    this.#drop();
    this.#attempt = 0;
    this.#hooks.phase("connecting");
    this.#connect();
  }

  /** Close the connection. @param {string} phase the phase to show afterwards */
  stop(phase = "stopped", detail = "") {
    this.#drop();
    this.#hooks.phase(phase, detail);
  }

  /** Retry now instead of after the delay, because the server has just answered. */
  retryNow() {
    if (this.#timer && !this.#client) this.#schedule(0);
  }

  /** Record the time at which the event stream broke. */
  eventsDropped(now) {
    this.#eventsDroppedAt = now;
  }

  /** Check for loss. Call this every second with the number of packets received so far. */
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

  async #connect() {
    this.#timer = 0;
    this.#packets = 0;
    this.#packetsAt = 0;
    const client = new WhepClient(this.#url, (state) => this.#peerChanged(client, state));
    this.#client = client;
    this.#hooks.stream(client);
    this.#timer = setTimeout(() => this.#client === client && this.#retry("reconnecting"), CONNECT_MS);
    try {
      // A network that lets no UDP through needs a relay; all others would only wait longer for it.
      await client.connect({ withServers: this.#attempt > 0 });
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
    this.#schedule(Math.max(afterMs ?? 0, backoff(this.#attempt++)));
  }

  #schedule(delayMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), delayMs);
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
