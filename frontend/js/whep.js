/** One WHEP connection: offer, answer, stream, DELETE. connection.js does the reconnecting. */

const GATHERING_MS = 300;
const ANSWER_MS = 10_000;

export class WhepError extends Error {
  /** @param {number} status HTTP status; 0 if the server cannot be reached */
  constructor(message, { status = 0, code = "", retryAfterMs = null } = {}) {
    super(message);
    Object.assign(this, { name: "WhepError", status, code, retryAfterMs });
  }
}

/** Ask for stereo in an offer. Without this, Chromium and Firefox decode Opus to mono. */
export function withStereo(sdp) {
  const opus = sdp.match(/^a=rtpmap:(\d+) opus\/48000\/2\r?$/im);
  if (!opus) return sdp;
  const fmtp = new RegExp(`^a=fmtp:${opus[1]} ([^\\r\\n]*)`, "m");
  if (!fmtp.test(sdp)) return sdp.replace(opus[0].trimEnd(), `$&\r\na=fmtp:${opus[1]} stereo=1`);
  return sdp.replace(fmtp, (line, settings) => (/(^|;)\s*stereo=1/.test(settings) ? line : `${line};stereo=1`));
}

/**
 * Remove candidates with mDNS names, which hide the browser's address. A server that can't resolve them waits a second
 * for each (aioice does). The server doesn't need them: it sees the source address of the connectivity checks.
 */
export const withoutHiddenCandidates = (sdp) => sdp.replace(/^a=candidate:.* \S+\.local \d+ typ .*\r?\n/gim, "");

/** Read ICE servers from the value of a Link header. */
export function serversOf(link) {
  const quoted = (text) => text?.replace(/\\(.)/g, "$1");
  const entry = /<([^>]+)>; rel="ice-server"(?:; username="((?:\\.|[^"\\])*)"; credential="((?:\\.|[^"\\])*)")?/g;
  return [...link.matchAll(entry)].map(([, urls, username, credential]) =>
    username ? { urls, username: quoted(username), credential: quoted(credential) } : { urls },
  );
}

export class WhepClient {
  #url;
  #resource = null;
  #closed = false;

  /** Create this in a click: the stream exists at once, so the page can play it while the click still counts. */
  constructor(url, onstate) {
    this.#url = url;
    this.peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
    this.receiver = this.peer.addTransceiver("audio", { direction: "recvonly" }).receiver;
    this.stream = new MediaStream([this.receiver.track]);
    this.peer.onconnectionstatechange = () => {
      if (!this.#closed) onstate(this.peer.connectionState);
    };
  }

  /**
   * Connect. Resolves when the answer is applied; throws WhepError.
   * @param {{withServers?: boolean}} options whether to use the STUN and TURN servers that the server names, if any
   */
  async connect({ withServers = false } = {}) {
    if (withServers) await this.#useServers();
    if (this.#closed) return;
    const offer = await this.peer.createOffer();
    if (this.#closed) return;
    await this.peer.setLocalDescription({ type: "offer", sdp: withStereo(offer.sdp) });
    await gathered(this.peer);
    if (this.#closed) return;
    const response = await this.#post(withoutHiddenCandidates(this.peer.localDescription.sdp));
    const sdp = await response.text();
    const location = response.headers.get("Location");
    this.#resource = location && new URL(location, response.url).href;
    if (this.#closed) return this.#delete();
    await this.peer.setRemoteDescription({ type: "answer", sdp });
  }

  /** Close the connection. Idempotent; works while the page unloads. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.peer.close();
    this.#delete();
  }

  async #useServers() {
    const response = await fetch(this.#url, { method: "OPTIONS", signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
    const iceServers = serversOf(response?.headers.get("Link") ?? "");
    if (iceServers.length && !this.#closed) this.peer.setConfiguration({ ...this.peer.getConfiguration(), iceServers });
  }

  async #post(body) {
    let response;
    try {
      response = await fetch(this.#url, {
        method: "POST",
        headers: { "Content-Type": "application/sdp" },
        body,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch {
      throw new WhepError("Cannot reach the server.");
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    const seconds = Number.parseFloat(response.headers.get("Retry-After"));
    throw new WhepError(problem.error ?? "", {
      status: response.status,
      code: problem.code ?? "",
      retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
    });
  }

  #delete() {
    if (!this.#resource) return;
    fetch(this.#resource, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#resource = null;
  }
}

/** Wait briefly for ICE candidates. A longer wait gains nothing: the server's candidates are in its answer. */
function gathered(peer) {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    setTimeout(resolve, GATHERING_MS);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState === "complete") resolve();
    });
  });
}
