// @roamhq/wrtc: libwebrtc in Node.
import wrtc from "@roamhq/wrtc";
import { report, SECONDS, until, wait, Whep } from "./whep.mjs";

const pc = new wrtc.RTCPeerConnection({ iceServers: [] });
const pcm = [];
let channels = 0;
pc.ontrack = ({ track }) => {
  const sink = new wrtc.nonstandard.RTCAudioSink(track);
  sink.ondata = ({ samples, channelCount }) => {
    channels = channelCount;
    pcm.push(Buffer.from(samples.buffer.slice(0)));
    if (pcm.length > 100) pcm.shift();
  };
};
pc.addTransceiver("audio", { direction: "recvonly" });
const createOffer = pc.createOffer.bind(pc);
pc.createOffer = async () => {
  // libwebrtc decodes mono unless its own offer says otherwise.
  const offer = await createOffer();
  return { type: "offer", sdp: offer.sdp.replace("useinbandfec=1", "useinbandfec=1;stereo=1") };
};
const whep = new Whep(process.argv[2], pc);

async function inbound() {
  return [...(await pc.getStats()).values()].find((it) => it.type === "inbound-rtp") ?? { packetsReceived: 0 };
}

await whep.join();
await until(() => pc.connectionState === "connected" && pcm.length > 10);
const before = await inbound();
await wait(SECONDS * 1000);
const after = await inbound();
await whep.leave();
report({
  received: after.packetsReceived - before.packetsReceived,
  lost: after.packetsLost,
  channels,
  pcm: Buffer.concat(pcm).toString("base64"),
  statuses: whep.statuses,
});
