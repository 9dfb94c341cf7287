"""GStreamer's webrtcbin, signalled by hand. Runs in Debian's own Python, which has the bindings."""

import base64
import json
import sys
import threading
import time
import urllib.request
from typing import Any
from urllib.parse import urljoin

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

SECONDS = 5
RECVONLY = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
CAPS = "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2"
DECODE = (
    "rtpopusdepay name=first ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,channels=2,rate=48000 "
    "! appsink name=last emit-signals=true sync=false"
)


class Client:
    """One listener."""

    def __init__(self, url: str) -> None:
        """Create it; `run` joins."""
        self.url = url
        self.resource = ""
        self.statuses: list[tuple[str, int]] = []
        self.numbers: list[int] = []
        self.pcm: list[bytes] = []
        self._waiting: list[tuple[int, str]] = []
        self._lock = threading.Lock()
        self._pipeline = Gst.Pipeline()
        self._bin = Gst.ElementFactory.make("webrtcbin")
        self._bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        # Kept: webrtcbin loses its agent with the last reference from here.
        self._agent = self._bin.get_property("ice-agent")
        self._agent.emit("add-local-ip-address", "127.0.0.1")
        self._pipeline.add(self._bin)
        self._bin.emit("add-transceiver", RECVONLY, Gst.Caps.from_string(CAPS))
        self._bin.connect("on-negotiation-needed", self._negotiate)
        self._bin.connect("on-ice-candidate", self._trickle)
        self._bin.connect("pad-added", self._decode)

    def run(self) -> dict[str, Any]:
        """Join, listen and leave; return what was heard."""
        self._pipeline.set_state(Gst.State.PLAYING)
        deadline = time.monotonic() + 15
        while len(self.numbers) < 20 or not self.pcm:
            if time.monotonic() > deadline:
                return {"failure": "no sound within 15 s", "statuses": self.statuses}
            time.sleep(0.05)
        del self.numbers[:-1]
        time.sleep(SECONDS)
        numbers, pcm = list(self.numbers), b"".join(self.pcm[-50:])
        self._request("DELETE", self.resource)
        self._pipeline.set_state(Gst.State.NULL)
        span = ((numbers[-1] - numbers[0]) & 0xFFFF) + 1
        return {
            "received": len(numbers),
            "lost": span - len(set(numbers)),
            "pcm": base64.b64encode(pcm).decode(),
            "statuses": self.statuses,
        }

    def _negotiate(self, element: Any) -> None:
        element.emit("create-offer", None, Gst.Promise.new_with_change_func(self._offered, None))

    def _offered(self, promise: Any, _: object) -> None:
        reply = promise.get_reply()  # owns the offer
        offer = reply.get_value("offer")
        text = offer.sdp.as_text()
        self._bin.emit("set-local-description", offer, Gst.Promise.new())
        answer, headers = self._request("POST", self.url, text, "application/sdp")
        _, sdp = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self._bin.emit("set-remote-description", description, Gst.Promise.new())
        with self._lock:
            self.resource = urljoin(self.url, headers["Location"])
            waiting, self._waiting = self._waiting, []
        for line, candidate in waiting:
            self._trickle(self._bin, line, candidate)

    def _trickle(self, _: Any, line: int, candidate: str) -> None:
        with self._lock:
            if not self.resource:
                self._waiting.append((line, candidate))
                return
        end = candidate or "end-of-candidates"
        fragment = f"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:audio{line}\r\na={end}\r\n"
        self._request("PATCH", self.resource, fragment, "application/trickle-ice-sdpfrag")

    def _decode(self, _: Any, pad: Any) -> None:
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        pad.add_probe(Gst.PadProbeType.BUFFER, self._packet, None)
        chain = Gst.parse_bin_from_description(DECODE, False)
        first, last = chain.get_by_name("first"), chain.get_by_name("last")
        last.connect("new-sample", self._sound)
        chain.add_pad(Gst.GhostPad.new("sink", first.get_static_pad("sink")))
        self._pipeline.add(chain)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def _packet(self, _: Any, info: Any, __: object) -> Any:
        header = info.get_buffer().extract_dup(0, 4)
        self.numbers.append(header[2] << 8 | header[3])
        return Gst.PadProbeReturn.OK

    def _sound(self, sink: Any) -> Any:
        buffer = sink.emit("pull-sample").get_buffer()
        self.pcm.append(buffer.extract_dup(0, buffer.get_size()))
        return Gst.FlowReturn.OK

    def _request(self, method: str, url: str, body: str = "", kind: str = "") -> tuple[str, Any]:
        headers = {"Content-Type": kind} if kind else {}
        request = urllib.request.Request(url, body.encode() if body else None, headers, method=method)
        with urllib.request.urlopen(request, timeout=5) as response:
            self.statuses.append((method, response.status))
            return response.read().decode(), response.headers


Gst.init(None)
print(json.dumps(Client(sys.argv[1]).run()))
