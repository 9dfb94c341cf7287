"""The Ogg stream: what real decoders make of it, also where one logical stream gives way to the next."""

import io
import struct

import av
import numpy as np
import pytest

from rtc_drift.audio.ogg import PRE_ROLL_PACKETS, OggMuxer
from rtc_drift.engine.opus import OpusEncoder
from rtc_drift.media import BLOCK_SAMPLES, Audio, samples
from tests.support.music import steady_music

SKIPPED = PRE_ROLL_PACKETS * BLOCK_SAMPLES


@pytest.fixture(scope="module")
def packets() -> list[bytes]:
    return OpusEncoder(128_000).encode(steady_music(4, seed=1))


def decoded(stream: bytes) -> Audio:
    with av.open(io.BytesIO(stream), "r") as container:
        frames = [np.asarray(frame.to_ndarray(), np.float32) for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=-1).reshape(2, -1).T


def pages(stream: bytes) -> list[tuple[int, int, int, bytes]]:
    """Return flags, position, serial number and content of each page."""
    found, at = [], 0
    while at < len(stream):
        magic, _, flags, position, serial, _, _, count = struct.unpack_from("<4sBBqIIIB", stream, at)
        assert magic == b"OggS"
        size = sum(stream[at + 27 : at + 27 + count])
        found.append((flags, position, serial, stream[at + 27 + count : at + 27 + count + size]))
        at += 27 + count + size
    return found


def chain(packets: list[bytes], seams: dict[int, dict[str, str]]) -> bytes:
    muxer = OggMuxer({"TITLE": "First"})
    out = b""
    for number, packet in enumerate(packets):
        if number in seams:
            out += muxer.begin_again(seams[number])
        out += muxer.mux(packet)
    return out + muxer.close()


def test_a_chain_sounds_as_one_endless_stream_does(packets: list[bytes]) -> None:
    muxer = OggMuxer()
    endless = decoded(b"".join(map(muxer.mux, packets)) + muxer.close())
    assert len(endless) == samples(4) - SKIPPED
    # In the midst of a page, at the end of one, and two seams in one page.
    seams = {51: {"TITLE": "Second"}, 80: {"TITLE": "Third"}, 130: {"TITLE": "Fourth"}, 132: {}}
    chained = decoded(chain(packets, seams))
    assert len(chained) == len(endless)
    # Another decoder state at a seam differs a little, as after any join.
    assert np.corrcoef(chained[:, 0], endless[:, 0])[0, 1] > 0.9999
    assert np.abs(chained - endless).max() < 0.1


def test_each_logical_stream_has_its_tags_and_begins_at_its_packet(packets: list[bytes]) -> None:
    hostile = "x'; \n\0 ☃🎵" + "y" * 10_000
    found = pages(chain(packets, {51: {"ARTIST": "Ä", "TITLE": hostile}}))
    begins = [number for number, page in enumerate(found) if page[0] == 2]
    assert [found[number][3][:8] for number in begins] == [b"OpusHead"] * 2
    assert len({serial for _, _, serial, _ in found}) == 2
    assert found[begins[1] - 1][:2] == (4, 51 * BLOCK_SAMPLES), "the first one ends before packet 51"
    assert found[begins[1] + 2][:2] == (0, SKIPPED), "the pre-roll has a page of its own, which VLC leaves out"
    assert b"TITLE=First" in found[begins[0] + 1][3]
    assert f"TITLE={hostile}".encode() in found[begins[1] + 1][3]
    assert "ARTIST=Ä".encode() in found[begins[1] + 1][3]
    assert found[-1][:2] == (4, (len(packets) - 51 + PRE_ROLL_PACKETS) * BLOCK_SAMPLES)
