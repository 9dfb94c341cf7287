// Run a client, listen to both channels of what it plays, and post what was heard to the test.
import { CLIENTS } from "/page/clients.mjs";

const SECONDS = 5;
const SAMPLES = 32768;
const asked = new URLSearchParams(location.search);
const player = document.getElementById("player");
const peers = [];
const errors = [];
const statuses = [];
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

addEventListener("error", ({ message }) => errors.push(message));
addEventListener("unhandledrejection", ({ reason }) => errors.push(String(reason)));

const request = window.fetch;
window.fetch = async (url, options = {}) => {
  const response = await request(url, options);
  if (String(url).startsWith(asked.get("origin"))) statuses.push([options.method ?? "GET", response.status]);
  return response;
};

// A browser decodes mono unless its own offer says otherwise, and few libraries have a way to say so.
const Peer = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Peer {
  constructor(...configuration) {
    super(...configuration);
    peers.push(this);
  }

  async createOffer(...options) {
    const { type, sdp } = await super.createOffer(...options);
    const stereo = sdp.replace(/^(a=fmtp:\d+ (?=.*useinbandfec).*?)(;stereo=1)?(;sprop-stereo=1)?$/gm, "$1;stereo=1");
    return { type, sdp: stereo };
  }
};

async function until(condition) {
  for (const end = Date.now() + 15_000; !(await condition()); await wait(20)) {
    if (Date.now() > end) throw new Error(`not within 15 s: ${condition}`);
  }
}

async function inbound() {
  for (const pc of peers.filter((it) => it.connectionState === "connected")) {
    for (const it of (await pc.getStats()).values()) {
      if (it.type === "inbound-rtp" && it.kind === "audio" && it.packetsReceived > 50) return it;
    }
  }
  return null;
}

/** The last sound of a stream, recorded and decoded: an AudioContext would need a sound card in Firefox. */
async function record(stream) {
  const recorder = new MediaRecorder(stream, { audioBitsPerSecond: 256000 });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  await wait(SECONDS * 1000);
  recorder.stop();
  await stopped;
  const file = await new Blob(parts).arrayBuffer();
  const sound = await new OfflineAudioContext(2, 48000, 48000).decodeAudioData(file);
  return [0, 1].map((channel) => {
    const samples = channel < sound.numberOfChannels ? sound.getChannelData(channel).slice(-SAMPLES) : [];
    return Array.from(samples, (it) => Math.round(it * 1e4) / 1e4);
  });
}

async function run() {
  const leave = await CLIENTS[asked.get("client")](asked.get("url"), player);
  await until(async () => player.srcObject && (await inbound()));
  const before = await inbound();
  const [left, right] = await record(player.srcObject);
  const after = await inbound();
  await leave();
  await wait(200);
  return { received: after.packetsReceived - before.packetsReceived, lost: after.packetsLost, left, right };
}

const states = () => peers.map((pc) => `${pc.connectionState}, ICE ${pc.iceConnectionState}`).join("; ");
const result = await run().catch((error) => ({ failure: `${error}\n${error.stack} (${states()})` }));
await request("/result", { method: "POST", body: JSON.stringify({ ...result, errors, statuses }) });
