// WHEP over fetch for the stacks that have none: trickles each candidate, leaves with DELETE, prints what it received.
import { setTimeout as wait } from "node:timers/promises";

export const SECONDS = 5;

/** POST the offer before there are candidates, then PATCH each of them, and the end. */
export class Whep {
  statuses = [];
  #waiting = [];
  #sent = [];

  constructor(url, pc) {
    this.url = url;
    this.pc = pc;
  }

  async join() {
    const offer = await this.pc.createOffer();
    const credentials = offer.sdp.match(/^a=ice-(ufrag|pwd):.*$/gm).slice(0, 2).map((line) => line.trim());
    this.head = `${credentials.join("\r\n")}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n`;
    this.pc.onicecandidate = ({ candidate }) => this.#trickle(candidate?.candidate);
    const local = this.pc.setLocalDescription(offer);
    const bare = offer.sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, "");
    const answer = await this.#request(this.url, "POST", "application/sdp", bare);
    this.resource = new URL(answer.headers.get("Location"), this.url);
    await local;
    await this.pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    this.#waiting.splice(0).forEach((candidate) => this.#trickle(candidate));
  }

  async leave() {
    await Promise.all(this.#sent);
    await this.#request(this.resource, "DELETE");
  }

  #trickle(candidate) {
    if (!this.resource) {
      this.#waiting.push(candidate);
      return;
    }
    const line = candidate ? `a=${candidate.replace(/^a=/, "")}` : "a=end-of-candidates";
    const body = `${this.head}${line}\r\n`;
    this.#sent.push(this.#request(this.resource, "PATCH", "application/trickle-ice-sdpfrag", body));
  }

  async #request(url, method, type, body) {
    const response = await fetch(url, { method, body, headers: type ? { "Content-Type": type } : {} });
    this.statuses.push([method, response.status]);
    return response;
  }
}

export async function until(condition) {
  for (const end = Date.now() + 15_000; !condition(); await wait(20)) {
    if (Date.now() > end) throw new Error(`not within 15 s: ${condition}`);
  }
}

export function report(result) {
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

export { wait };
