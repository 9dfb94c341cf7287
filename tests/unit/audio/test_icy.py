"""ICY metadata: audio and titles come out as they went in, and no title breaks out of its block."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.audio.icy import METAINT_BYTES, IcyWriter, metadata

FRAME = bytes(range(256)) * 2 + bytes(64)


def split(stream: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Return the audio, and each block of metadata with its place in the audio, as a player takes them apart."""
    audio, blocks = b"", []
    while len(stream) > METAINT_BYTES:
        audio += stream[:METAINT_BYTES]
        size = 16 * stream[METAINT_BYTES]
        rest = stream[METAINT_BYTES + 1 :]
        blocks.append((len(audio), rest[:size]))
        stream = rest[size:]
    return audio + stream, blocks


def test_titles_switch_within_one_interval() -> None:
    writer = IcyWriter()
    frames = [FRAME] * 300
    titles = ["One"] * 140 + ["Two"] * 160
    stream = b"".join(writer.add(frame, title) for frame, title in zip(frames, titles, strict=True))
    audio, blocks = split(stream)
    assert audio == b"".join(frames)
    told = [(at, block.rstrip(b"\0")) for at, block in blocks if block]
    assert told == [
        (METAINT_BYTES, b"StreamTitle='One';"),
        (-(-140 * len(FRAME) // METAINT_BYTES) * METAINT_BYTES, b"StreamTitle='Two';"),
    ]


@given(st.lists(st.binary(max_size=40_000), max_size=8))
def test_any_frames_come_out_as_they_went_in(frames: list[bytes]) -> None:
    writer = IcyWriter()
    stream = b"".join(writer.add(frame, f"Title {number}") for number, frame in enumerate(frames))
    assert split(stream)[0] == b"".join(frames)


@pytest.mark.parametrize("title", ("a';StreamUrl='http://evil", "a\nb\r\0\x1bc", "x" * 10_000, "🎵" * 10_000, "\ud800"))
def test_hostile_titles_stay_one_text(title: str) -> None:
    block = metadata(title)
    assert len(block) == 1 + 16 * block[0]
    text = block[1:].rstrip(b"\0").decode()
    assert text.startswith("StreamTitle='") and text.endswith("';")
    inner = text[len("StreamTitle='") : -2]
    assert "'" not in inner
    assert inner.isprintable()
