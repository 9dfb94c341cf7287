/** Reads the figures of the receiver that the page shows. */

const NO_STATS = Object.freeze({
  codec: null,
  channels: null,
  jitterBufferMs: null,
  roundTripMs: null,
  packetsReceived: 0,
  packetsLost: 0,
  concealedSamples: 0,
  totalSamplesReceived: 0,
  jitterMs: null,
  bytesReceived: 0,
  jitterBufferDelay: 0,
  jitterBufferEmittedCount: 0,
});

/** Read the statistics of a peer connection. @param {RTCPeerConnection | null} peer */
export async function readStats(peer, previous = null) {
  if (!peer || peer.connectionState === "closed") return { ...NO_STATS };
  const reports = [...(await peer.getStats()).values()];
  const inbound = reports.find((report) => report.type === "inbound-rtp" && report.kind === "audio");
  if (!inbound) return { ...NO_STATS };
  const codec = reports.find((report) => report.id === inbound.codecId);
  const pair = reports.find((report) => report.type === "candidate-pair" && report.nominated && report.state === "succeeded");
  const { jitterBufferDelay: delay = 0, jitterBufferEmittedCount: emitted = 0 } = inbound;
  return {
    codec: codec?.mimeType.replace(/^audio\//, "") ?? null,
    channels: /stereo=1/.test(codec?.sdpFmtpLine ?? "") ? codec.channels : codec ? 1 : null,
    jitterBufferMs: recentMs(delay, emitted, previous),
    roundTripMs: pair?.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
    packetsReceived: inbound.packetsReceived ?? 0,
    packetsLost: inbound.packetsLost ?? 0,
    concealedSamples: inbound.concealedSamples ?? 0,
    totalSamplesReceived: inbound.totalSamplesReceived ?? 0,
    jitterMs: inbound.jitter === undefined ? null : inbound.jitter * 1000,
    bytesReceived: inbound.bytesReceived ?? 0,
    jitterBufferDelay: delay,
    jitterBufferEmittedCount: emitted,
  };
}

/** Return the mean delay since the `previous` reading, or since the start if there is none. */
function recentMs(delay, emitted, previous) {
  const samples = emitted - (previous?.jitterBufferEmittedCount ?? 0);
  if (previous && samples > 0) return ((delay - previous.jitterBufferDelay) / samples) * 1000;
  return emitted > 0 ? (delay / emitted) * 1000 : null;
}

/** Estimate the delay behind the server: the jitter buffer plus at most one round trip. */
export function behindMs(stats) {
  return stats.jitterBufferMs === null ? null : stats.jitterBufferMs + (stats.roundTripMs ?? 0);
}
