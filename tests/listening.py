"""Measures of what is heard: alignment, correlation, gaps, loudness; and the packets that carried it."""

from typing import Any

import numpy as np
from aiortc.rtp import RtpPacket
from numpy.typing import NDArray

from rtc_drift.audio.loudness import LoudnessMeter
from rtc_drift.client import Listener
from rtc_drift.media import SAMPLE_RATE, Audio


def lag_of(heard: Audio, reference: Audio) -> int:
    """Where `heard` lies in `reference`: the sample offset at which their left channels correlate best."""
    size = 1 << (len(heard) + len(reference) - 1).bit_length()
    spectrum = np.fft.rfft(reference[:, 0], size) * np.conj(np.fft.rfft(heard[:, 0], size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(reference) - len(heard) + 1]))


def correlation(first: Audio, second: Audio) -> tuple[float, float]:
    """Correlation coefficients of the left and of the right channels."""
    left, right = (float(np.corrcoef(first[:, channel], second[:, channel])[0, 1]) for channel in (0, 1))
    return left, right


def longest_silence_ms(audio: Audio, threshold_dbfs: float = -60.0, window: int = 48) -> float:
    """The longest stretch in which no 1 ms exceeds the threshold."""
    stretches = quiet_windows(audio, threshold_dbfs, window)
    return float(np.diff(stretches, axis=1).max(initial=0)) * window / SAMPLE_RATE * 1e3


def quiet_windows(audio: Audio, threshold_dbfs: float, window: int) -> NDArray[np.int64]:
    """Stretches of whole windows below the threshold: `(k, 2)`, the first window of each and the one after its last."""
    whole = audio[: len(audio) // window * window].reshape(-1, window * 2)
    peaks = np.maximum(whole.max(axis=1, initial=-np.inf), -whole.min(axis=1, initial=np.inf))
    quiet = np.concatenate(((0,), (peaks < 10 ** (threshold_dbfs / 20)).astype(int), (0,)))
    return np.flatnonzero(np.diff(quiet)).reshape(-1, 2)


def integrated_lufs(audio: Audio) -> float:
    """Integrated loudness (EBU R128)."""
    meter = LoudnessMeter()
    meter.add(audio)
    return meter.finish()


def packets_of(listener: Listener) -> list[tuple[int, bytes]]:
    """Fills with the RTP timestamp and the Opus packet of all that a listener receives from now on."""
    receiver = listener._peer.getTransceivers()[0].receiver
    take, received = receiver._handle_rtp_packet, list[tuple[int, bytes]]()

    async def note(packet: RtpPacket, **options: Any) -> None:
        received.append((packet.timestamp, packet.payload))
        await take(packet, **options)

    receiver._handle_rtp_packet = note  # type: ignore[method-assign, assignment]
    return received
