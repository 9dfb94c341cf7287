/** Which moment of the programme is being heard. No timers and no DOM: every reading is handed in. */

const SAMPLES_PER_MS = 48;
const UINT32 = 2 ** 32;
const STALE_MS = 1000;
const LONGEST_STEP_MS = 300;
const FARTHEST_SAMPLES = 5000 * SAMPLES_PER_MS;

/** The media time congruent to `rtp - offset` modulo 2^32 that lies nearest to `near`. */
export function unwrap(rtp, offset, near) {
  const low = (rtp - offset) >>> 0;
  return low + UINT32 * Math.round((near - low) / UINT32);
}

export class MediaClock {
  #anchor = null;
  #running = true;
  #offsets = new Map();
  #reading = null;

  /** The server said: it is `mediaTime` there now, and whether that advances; a mixer nobody hears stands still. */
  tell(mediaTime, now, running = this.#running) {
    this.#running = running;
    this.#anchor = { mediaTime, now };
  }

  /** What happens while the mixer stands happens at once, whatever the last word about the time was. */
  happened(mediaTime, now) {
    if (!this.#running && mediaTime > this.#anchor?.mediaTime) this.tell(mediaTime, now);
  }

  /** RTP timestamps that correspond to media time 0, by SSRC. */
  learn(offsets) {
    for (const [ssrc, offset] of Object.entries(offsets ?? {})) this.#offsets.set(Number(ssrc), Number(offset));
  }

  /** Another server or another listener: what was known about RTP no longer holds. */
  forget() {
    this.#offsets.clear();
    this.#reading = null;
  }

  /** @param {{source: number, rtpTimestamp: number}} source what the receiver plays now */
  read({ source, rtpTimestamp }, now) {
    const last = this.#reading;
    if (last?.source !== source || last.rtpTimestamp !== rtpTimestamp) this.#reading = { source, rtpTimestamp, now };
  }

  /** Whether something is being played whose place in the programme isn't known. */
  needsOffset(now) {
    return this.#reading !== null && now - this.#reading.now <= STALE_MS && !this.exact(now);
  }

  /** The server's media time as far as known, or null. */
  server(now) {
    if (!this.#anchor) return null;
    return this.#anchor.mediaTime + (this.#running ? (now - this.#anchor.now) * SAMPLES_PER_MS : 0);
  }

  /** The media time being heard; the server's when nothing is heard or the mapping isn't known. */
  heard(now) {
    const server = this.server(now);
    return server === null ? null : (this.#played(now, server) ?? server);
  }

  /** Whether `heard` comes from the receiver rather than from the server's estimate. */
  exact(now) {
    const server = this.server(now);
    return server !== null && this.#played(now, server) !== null;
  }

  #played(now, server) {
    const reading = this.#reading;
    const offset = reading ? this.#offsets.get(reading.source) : undefined;
    if (offset === undefined || now - reading.now > STALE_MS) return null;
    const played = unwrap(reading.rtpTimestamp, offset, server);
    // An offset from before a restart leads anywhere.
    if (Math.abs(played - server) > FARTHEST_SAMPLES) return null;
    return played + Math.min(now - reading.now, LONGEST_STEP_MS) * SAMPLES_PER_MS;
  }
}
