"""The probe: real files of every format, and hostile ones."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from rtc_drift.audio.loudness import LoudnessMeter
from rtc_drift.audio.seeking import DecodeError, decode
from rtc_drift.library.probe import probe
from rtc_drift.library.tags import cover
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.media import SAMPLE_RATE, Audio
from tests.support.audio_files import CODECS, PNG, silence, sine, write_audio, write_float_wav


def playable(path: Path) -> Track:
    result = probe(path)
    assert isinstance(result, Track), result
    return result


def reason(path: Path) -> str:
    result = probe(path)
    assert isinstance(result, Unplayable), result
    assert result.path == path
    assert "Error" not in result.reason
    assert result.reason.endswith(".")
    return result.reason


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_every_format_is_measured(tmp_path: Path, suffix: str, rate: int) -> None:
    if suffix == ".opus" and rate == 44_100:
        pytest.skip("Opus has no such rate")
    file = write_audio(tmp_path / f"x{suffix}", sine(3, amplitude=0.1, rate=rate), rate=rate, tags={"title": "Hum"})
    track = playable(file)
    assert track.duration_seconds == pytest.approx(3, abs=0.08)
    assert track.integrated_lufs == pytest.approx(-20, abs=0.5)
    assert track.true_peak_dbtp == pytest.approx(-20, abs=1.5)  # a lossy codec overshoots at the start
    assert track.title == "Hum"


def test_the_reference_tone_has_its_loudness(tmp_path: Path) -> None:
    """A 997 Hz sine at -23 dBFS on both channels is -23 LUFS (EBU Tech 3341)."""
    track = playable(write_audio(tmp_path / "tone.flac", sine(5, amplitude=10 ** (-23 / 20))))
    assert track.integrated_lufs == pytest.approx(-23, abs=0.2)
    assert track.true_peak_dbtp == pytest.approx(-23, abs=0.2)


def test_true_peak_lies_between_the_samples(tmp_path: Path) -> None:
    tone = sine(2, hertz=12_000, amplitude=0.5, phase=np.pi / 4)
    tone *= np.minimum(1, np.minimum(np.arange(len(tone)), np.arange(len(tone))[::-1]) / 10_000)[:, None]
    assert np.abs(tone).max() == pytest.approx(0.3536, abs=0.001)
    assert playable(write_audio(tmp_path / "between.flac", tone)).true_peak_dbtp == pytest.approx(-6.02, abs=0.3)


def test_very_quiet_audio_has_its_true_peak(tmp_path: Path) -> None:
    quiet = write_float_wav(tmp_path / "quiet.wav", sine(2, amplitude=10 ** (-75 / 20)), rate=48_000)
    assert playable(quiet).true_peak_dbtp == pytest.approx(-75, abs=0.5)


def test_first_and_last_sound_are_found(tmp_path: Path) -> None:
    audio = np.concatenate([silence(1.5), sine(2), sine(0.5, amplitude=0.0005), silence(1.25)])
    track = playable(write_audio(tmp_path / "x.flac", audio))
    assert track.duration_seconds == pytest.approx(5.25)
    assert track.first_sound_seconds == pytest.approx(1.5, abs=0.011)
    assert track.last_sound_seconds == pytest.approx(3.5, abs=0.011)


def test_silence_has_the_lowest_loudness(tmp_path: Path) -> None:
    track = playable(write_audio(tmp_path / "x.flac", silence(2)))
    assert (track.integrated_lufs, track.true_peak_dbtp) == (-70, -120)
    assert (track.first_sound_seconds, track.last_sound_seconds) == (0, track.duration_seconds)


def test_the_id_depends_on_the_content(tmp_path: Path) -> None:
    one = write_audio(tmp_path / "one.flac", sine(1.2))
    other = write_audio(tmp_path / "other.flac", sine(1.2, hertz=500))
    first_id = playable(one).id
    moved = one.rename(tmp_path / "moved.flac")
    assert playable(moved).id == first_id != playable(other).id


def test_tags_are_cleaned(tmp_path: Path) -> None:
    tags = {"title": " Dusk\n ", "artist": "A\u0001 B", "date": "c. 1997-05-01", "track": "3/12", "album": "  "}
    track = playable(write_audio(tmp_path / "x.flac", sine(1.2), tags=tags))
    assert (track.title, track.artist, track.album) == ("Dusk", "A B", "")
    assert (track.year, track.track_number, track.has_cover) == (1997, 3, False)


def test_broken_tags_are_no_tags(tmp_path: Path) -> None:
    file = write_audio(tmp_path / "x.mp3", sine(1.2))
    file.write_bytes(b"ID3\x03\x00\xff\x00\x00\x00\x05TIT2\xff" + file.read_bytes())
    assert playable(file).title == "x"


def test_tags_that_are_not_utf8(tmp_path: Path) -> None:
    file = write_audio(tmp_path / "x.flac", sine(1.2), tags={"title": "Dusk"})
    file.write_bytes(file.read_bytes().replace(b"Dusk", b"D\xffsk"))
    playable(file).title.encode()


def test_covers_in_the_folder_are_found(tmp_path: Path) -> None:
    file = write_audio(tmp_path / "x.flac", sine(1.2))
    assert cover(file) is None
    (tmp_path / "Folder.PNG").write_bytes(PNG)
    assert playable(file).has_cover
    assert cover(file) == (PNG, "image/png")
    (tmp_path / "Folder.PNG").write_bytes(b"<script>")
    assert cover(file) is None


def test_an_embedded_picture_is_a_cover_and_no_stream_to_decode(tmp_path: Path) -> None:
    apic = b"\x00image/png\x00\x03\x00" + PNG
    frame = b"APIC" + len(apic).to_bytes(4, "big") + b"\x00\x00" + apic
    size = len(frame)
    head = b"ID3\x03\x00\x00" + bytes([0, 0, size >> 7, size & 127]) + frame
    file = write_audio(tmp_path / "x.mp3", sine(2))
    file.write_bytes(head + file.read_bytes())
    assert playable(file).has_cover
    assert cover(file) == (PNG, "image/png")


def test_192_khz_with_six_channels_is_playable(tmp_path: Path) -> None:
    wave = np.repeat(sine(2, rate=192_000)[:, :1], 6, axis=1)
    assert playable(write_float_wav(tmp_path / "x.wav", wave, rate=192_000)).duration_seconds == pytest.approx(2)


def test_nan_and_infinity_are_measured_as_silence(tmp_path: Path) -> None:
    wave = sine(3)
    wave[1000:2000] = np.nan
    wave[70_000:70_010] = np.inf
    wave[90_000] = 1e30
    track = playable(write_float_wav(tmp_path / "x.wav", wave, rate=48_000))
    assert -21 < track.integrated_lufs <= 20
    assert track.true_peak_dbtp == pytest.approx(18.06, abs=3)


def test_a_few_bad_packets_are_skipped_and_many_are_too_many(tmp_path: Path) -> None:
    file = write_audio(tmp_path / "x.flac", sine(20, hertz=333) + sine(20, hertz=4567))
    good = file.read_bytes()
    little, much = bytearray(good), bytearray(good)
    little[len(good) // 2 : len(good) // 2 + 200] = os.urandom(200)
    for start in range(10_000, len(good) - 10_000, 6_000):
        much[start : start + 1_000] = os.urandom(1_000)
    file.write_bytes(little)
    assert playable(file).duration_seconds > 18
    file.write_bytes(much)
    assert "damaged" in reason(file)


def test_a_truncated_file_is_playable_up_to_its_end(tmp_path: Path) -> None:
    file = write_audio(tmp_path / "x.mp3", sine(10))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert playable(file).duration_seconds == pytest.approx(5, abs=0.3)


def test_unplayable_files_have_a_reason(tmp_path: Path) -> None:
    (empty := tmp_path / "empty.mp3").touch()
    (text := tmp_path / "text.mp3").write_text("words " * 1000)
    (folder := tmp_path / "folder.mp3").mkdir()
    (dangling := tmp_path / "dangling.mp3").symlink_to(tmp_path / "nowhere")
    os.mkfifo(pipe := tmp_path / "pipe.mp3")
    assert reason(empty) == "The file is empty."
    assert reason(text) == "The file can't be decoded (invalid data found when processing input)."
    assert reason(folder) == reason(pipe) == "This is not a file."
    assert reason(dangling) == "The file does not exist."
    assert "too short" in reason(write_float_wav(tmp_path / "one.wav", sine(1)[:1], rate=48_000))
    assert "1 Hz" in reason(write_float_wav(tmp_path / "slow.wav", sine(1), rate=1))
    assert reason(write_float_wav(tmp_path / "none.wav", sine(1)[:0], rate=48_000)).startswith(
        ("It is too", "The file")
    )


def test_a_disguised_playlist_opens_no_other_file(tmp_path: Path) -> None:
    write_audio(tmp_path / "secret.mp3", sine(2))
    (disguised := tmp_path / "x.mp3").write_text(f"ffconcat version 1.0\nfile {tmp_path}/secret.mp3\n")
    assert "can't be decoded" in reason(disguised)
    disguised.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{tmp_path}/secret.mp3\n#EXT-X-ENDLIST\n")
    assert "can't be decoded" in reason(disguised)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_missing_permission_is_a_reason(tmp_path: Path) -> None:
    file = write_audio(tmp_path / "x.flac", sine(1.2))
    file.chmod(0)
    assert reason(file) == "Permission denied."


def test_a_file_name_that_is_not_utf8_is_kept(tmp_path: Path) -> None:
    file = write_audio(tmp_path / "x.flac", sine(1.2))
    strange = file.rename(tmp_path / os.fsdecode(b"caf\xe9.flac"))
    track = playable(strange)
    assert track.path == strange
    track.title.encode()


# --- decoding gives what was measured -------------------------------------------------------------------------


def encoded(path: Path, codec: str, *, rate: int, layout: str = "stereo") -> bytes:
    """Encode two seconds of a tone."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=1152)
        frame = av.AudioFrame.from_ndarray(sine(2, rate=rate).reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate = rate
        for number, converted in enumerate([*resampler.resample(frame), *resampler.resample(None)]):
            converted.pts, converted.time_base = number * 1152, Fraction(1, rate)
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path.read_bytes()


def played(path: Path) -> Audio:
    chunks, expected = [], 0
    for position, chunk in decode(str(path), 0):
        assert position == expected
        expected += len(chunk)
        chunks.append(chunk)
    return np.concatenate(chunks)


def assert_decoded_as_measured(path: Path) -> Audio:
    track, audio = playable(path), played(path)
    assert len(audio) == track.duration_samples
    assert audio.dtype == np.float32
    meter = LoudnessMeter()
    for start in range(0, len(audio), SAMPLE_RATE):
        meter.add(audio[start : start + SAMPLE_RATE])
    assert meter.finish() == pytest.approx(track.integrated_lufs, abs=1e-3)
    assert meter.true_peak_dbtp() == pytest.approx(track.true_peak_dbtp, abs=1e-3)
    return audio


@pytest.mark.parametrize(
    ("suffix", "codec", "rate", "layout"),
    [
        (".ogg", "flac", 48_000, "stereo"),
        (".mp3", "libmp3lame", 48_000, "stereo"),
        (".mp3", "libmp3lame", 44_100, "mono"),
    ],
)
def test_a_file_whose_format_changes_is_decoded_as_measured(
    tmp_path: Path, suffix: str, codec: str, rate: int, layout: str
) -> None:
    one = encoded(tmp_path / f"one{suffix}", codec, rate=44_100)
    other = encoded(tmp_path / f"other{suffix}", codec, rate=rate, layout=layout)
    (both := tmp_path / f"both{suffix}").write_bytes(one + other)
    assert len(assert_decoded_as_measured(both)) == pytest.approx(4 * SAMPLE_RATE, rel=0.05)


def test_damaged_files_are_decoded_as_measured(tmp_path: Path) -> None:
    file = write_audio(tmp_path / "x.flac", sine(20, hertz=333) + sine(20, hertz=4567))
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(range(200))
    file.write_bytes(data)
    assert_decoded_as_measured(file)
    wave = sine(3)
    wave[1000:2000], wave[70_000:70_010], wave[90_000] = np.nan, np.inf, -1e30
    audio = assert_decoded_as_measured(write_float_wav(tmp_path / "x.wav", wave, rate=48_000))
    assert (audio.max(), audio.min()) == (8, -8)
    assert not audio[1000:2000].any()


def test_a_file_that_breaks_off_is_decoded_as_measured_up_to_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_drift.audio.decoding.MAX_BAD_PACKETS_IN_A_ROW", 3)
    file = write_audio(tmp_path / "x.m4a", sine(20))
    data = bytearray(file.read_bytes())
    start = data.index(b"mdat") + (len(data) - data.index(b"mdat")) * 9 // 10
    data[start : start + 3000] = b"\xff" * 3000
    file.write_bytes(data)
    decoded = 0
    with pytest.raises(DecodeError, match=r"^The file .*\.$"):
        for _, chunk in decode(str(file), 0):
            decoded += len(chunk)
    assert decoded == playable(file).duration_samples > SAMPLE_RATE


def test_disguised_files_are_not_decoded(tmp_path: Path) -> None:
    write_audio(tmp_path / "secret.mp3", sine(2))
    (disguised := tmp_path / "x.mp3").write_text(f"ffconcat version 1.0\nfile {tmp_path}/secret.mp3\n")
    os.mkfifo(pipe := tmp_path / "pipe.mp3")
    for path in (disguised, pipe):
        with pytest.raises(DecodeError):
            list(decode(str(path), 0))


def test_an_unknown_codec_is_a_reason(tmp_path: Path) -> None:
    file = write_float_wav(tmp_path / "x.wav", sine(2), rate=48_000)
    data = bytearray(file.read_bytes())
    data[20:22] = b"\x34\x12"
    file.write_bytes(data)
    assert reason(file) == "The file holds no audio."
