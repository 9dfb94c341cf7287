// Each client joins at a URL and plays in an <audio>; it returns how to leave. The clients are used as their README says.
import { load } from "/page/cjs.mjs";

/** No library: the browser's own peer connection, as short as it can be. */
async function plain(url, player) {
  const pc = new RTCPeerConnection();
  const waiting = [];
  let resource;
  const trickle = (candidate) => {
    const line = candidate?.candidate ? `a=${candidate.candidate}` : "a=end-of-candidates";
    const body = `m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n${line}\r\n`;
    return fetch(resource, { method: "PATCH", body, headers: { "Content-Type": "application/trickle-ice-sdpfrag" } });
  };
  pc.ontrack = ({ streams }) => (player.srcObject = streams[0]);
  pc.onicecandidate = ({ candidate }) => (resource ? trickle(candidate) : waiting.push(candidate));
  pc.addTransceiver("audio", { direction: "recvonly" });
  await pc.setLocalDescription(await pc.createOffer());
  const headers = { "Content-Type": "application/sdp" };
  const bare = pc.localDescription.sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, "");
  const answer = await fetch(url, { method: "POST", body: bare, headers });
  resource = new URL(answer.headers.get("Location"), url);
  await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  await Promise.all(waiting.map(trickle));
  return async () => {
    await fetch(resource, { method: "DELETE" });
    pc.close();
  };
}

async function whipWhep(url, player) {
  const { WHEPClient } = await import("/npm/whip-whep/whep.js");
  const pc = new RTCPeerConnection();
  pc.addTransceiver("video", { direction: "recvonly" });
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.ontrack = ({ track }) => track.kind === "audio" && (player.srcObject = new MediaStream([track]));
  const client = new WHEPClient();
  await client.view(pc, url, "a-token");
  return () => client.stop();
}

async function eyevinn(url, player) {
  const { WebRTCPlayer } = await load("@eyevinn/webrtc-player");
  const client = new WebRTCPlayer({ video: player, type: "whep", iceServers: [] });
  await client.load(new URL(url));
  return () => client.unload();
}

async function mediamtx(url, player) {
  const { MediaMTXWebRTCReader } = await import("/npm/mediamtx-webrtc-react/dist/index.js");
  const onTrack = ({ track }) => track.kind === "audio" && (player.srcObject = new MediaStream([track]));
  const reader = new MediaMTXWebRTCReader({ url, onTrack, onError: (error) => reportError(new Error(error)) });
  return () => reader.close();
}

export const CLIENTS = { plain, "whip-whep": whipWhep, "@eyevinn/webrtc-player": eyevinn, "mediamtx-webrtc-react": mediamtx };
