// werift: WebRTC in TypeScript. It has no decoder, so the packets are decoded elsewhere.
import { RTCPeerConnection, RTCRtpCodecParameters } from "werift";
import { report, SECONDS, until, wait, Whep } from "./whep.mjs";

const opus = new RTCRtpCodecParameters({ mimeType: "audio/opus", clockRate: 48000, channels: 2, payloadType: 109 });
const pc = new RTCPeerConnection({
  iceServers: [],
  iceAdditionalHostAddresses: ["127.0.0.1"],
  codecs: { audio: [opus] },
});
const packets = [];
pc.addTransceiver("audio", { direction: "recvonly" }).onTrack.subscribe((track) => {
  track.onReceiveRtp.subscribe(({ header, payload }) =>
    packets.push([header.sequenceNumber, Buffer.from(payload).toString("base64")]),
  );
});
const whep = new Whep(process.argv[2], pc);
await whep.join();
await until(() => packets.length > 10);
packets.splice(0);
await wait(SECONDS * 1000);
const heard = packets.splice(0);
await whep.leave();
const span = ((heard.at(-1)[0] - heard[0][0]) & 0xffff) + 1;
report({
  received: heard.length,
  lost: span - new Set(heard.map(([number]) => number)).size,
  packets: heard.map(([, payload]) => payload),
  statuses: whep.statuses,
});
