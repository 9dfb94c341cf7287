/** Computes the media time that this listener is playing. No timers, no DOM: the caller passes every reading. */

const SAMPLES_PER_MS = 48;
const UINT32 = 2 ** 32;
const STALE_MS = 1000;
const LONGEST_STEP_MS = 300;
const FARTHEST_SAMPLES = 5000 * SAMPLES_PER_MS;

/** Return the media time nearest to `near` that is congruent to `rtp - offset` modulo 2^32. */
export function unwrap(rtp, offset, near) {
  const low = (rtp - offset) >>> 0;
  return low + UINT32 * Math.round((near - low) / UINT32);
}

export class MediaClock {
  #anchor = null;
  #running = true;
  #offsets = new Map();
  #reading = null;

  /** Set the server's media time, and whether it advances. It stops when a session has no listeners. */
  setServerTime(mediaTime, now, running = this.#running) {
    this.#running = running;
    this.#anchor = { mediaTime, now };
  }

  /** Move a stopped clock to the time of an event: while the mixer is stopped, events take effect at once. */
  noteEvent(mediaTime, now) {
    if (!this.#running && mediaTime > this.#anchor?.mediaTime) this.setServerTime(mediaTime, now);
  }

  /** Set the RTP timestamps that correspond to media time 0, by SSRC. */
  setOffsets(offsets) {
    for (const [ssrc, offset] of Object.entries(offsets ?? {})) this.#offsets.set(Number(ssrc), Number(offset));
  }

  /** Discard all RTP data, because the server or the listener has changed. */
  reset() {
    this.#offsets.clear();
    this.#reading = null;
  }

  /** Set the position of the receiver. @param {{source: number, rtpTimestamp: number}} source the packet that it plays now */
  setReading({ source, rtpTimestamp }, now) {
    const last = this.#reading;
    if (last?.source !== source || last.rtpTimestamp !== rtpTimestamp) this.#reading = { source, rtpTimestamp, now };
  }

  /** Return true if audio is playing but its RTP offset is unknown. */
  needsOffset(now) {
    return this.#reading !== null && now - this.#reading.now <= STALE_MS && !this.exact(now);
  }

  /** Return the server's media time, or null if unknown. */
  server(now) {
    if (!this.#anchor) return null;
    return this.#anchor.mediaTime + (this.#running ? (now - this.#anchor.now) * SAMPLES_PER_MS : 0);
  }

  /** Return the media time being played. Without playback or offset, return the server's. */
  played(now) {
    const server = this.server(now);
    return server === null ? null : (this.#received(now, server) ?? server);
  }

  /** Return true if `played` comes from the receiver, false if it is the server's media time. */
  exact(now) {
    const server = this.server(now);
    return server !== null && this.#received(now, server) !== null;
  }

  #received(now, server) {
    const reading = this.#reading;
    const offset = reading ? this.#offsets.get(reading.source) : undefined;
    if (offset === undefined || now - reading.now > STALE_MS) return null;
    const played = unwrap(reading.rtpTimestamp, offset, server);
    // An offset from before a server restart gives a wrong time.
    if (Math.abs(played - server) > FARTHEST_SAMPLES) return null;
    return played + Math.min(now - reading.now, LONGEST_STEP_MS) * SAMPLES_PER_MS;
  }
}
