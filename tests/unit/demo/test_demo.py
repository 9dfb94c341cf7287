"""The demo library: its specs, its ground truth, and its sound."""

from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from rtc_drift.demo import DEMO, DemoTruth, TrackSpec, missing, render, truth, write
from rtc_drift.demo.arrange import arrange
from rtc_drift.demo.effects import Wave, loudness
from rtc_drift.demo.ground_truth import duration_samples
from rtc_drift.demo.synthesis import stems
from rtc_drift.demo.theory import chord, parse_key
from rtc_drift.media import SAMPLE_RATE, Audio, samples

STYLES = {spec.style: spec for spec in reversed(DEMO)}
SHORT_BARS = 4


@pytest.fixture(scope="module")
def short_pieces() -> dict[str, Audio]:
    """Four bars of each style, with all instruments."""
    return {style: render(spec, bars=SHORT_BARS) for style, spec in STYLES.items()}


def test_the_library_is_large_and_varied() -> None:
    assert len(DEMO) >= 24
    assert [spec.number for spec in DEMO] == list(range(1, len(DEMO) + 1))
    assert len({spec.title for spec in DEMO}) == len({spec.filename for spec in DEMO}) == len(DEMO)
    assert len(STYLES) >= 8
    assert min(spec.bpm for spec in DEMO) < 80 and max(spec.bpm for spec in DEMO) > 170
    assert len({spec.parsed_key for spec in DEMO}) > 20
    assert min(spec.brightness for spec in DEMO) < 0.3 and max(spec.brightness for spec in DEMO) > 0.85
    by_artist = Counter(spec.artist for spec in DEMO)
    assert len(by_artist) >= 8 and set(by_artist.values()) <= {2, 3, 4}


@pytest.mark.parametrize("spec", DEMO, ids=lambda spec: spec.slug)
def test_the_ground_truth_is_a_regular_grid(spec: TrackSpec) -> None:
    known = truth(spec)
    assert 75 <= known.duration_seconds <= 150
    assert np.allclose(np.diff(known.beats_seconds), 60 / spec.bpm, atol=3 / SAMPLE_RATE)
    assert known.downbeats_seconds == known.beats_seconds[::4]
    assert 1 < known.duration_seconds - known.beats_seconds[-1] < 4
    starts = [known.downbeats_seconds.index(it.starts_seconds) for it in known.sections]
    assert starts == [sum(spec.form[:number]) for number in range(6)]
    assert tuple(it.bars for it in known.sections) == spec.form
    phrases = [known.downbeats_seconds.index(it) for it in known.phrases_seconds]
    assert set(starts) <= set(phrases) and set(np.diff(phrases)) <= {4, 8}
    assert all(count % 4 == 0 for count in spec.form)


@pytest.mark.parametrize(
    ("name", "camelot"),
    [
        ("A minor", "8A"),
        ("C major", "8B"),
        ("F# minor", "11A"),
        ("Db major", "3B"),
        ("E major", "12B"),
        ("Ab minor", "1A"),
    ],
)
def test_keys_have_their_camelot_codes(name: str, camelot: str) -> None:
    assert parse_key(name).camelot == camelot


def test_chords_are_diatonic() -> None:
    assert chord(parse_key("C major"), 2, 4) == (2, 5, 9, 0)
    with pytest.raises(ValueError, match="not a key"):
        parse_key("H minor")


@pytest.mark.parametrize("spec", STYLES.values(), ids=STYLES.keys())
def test_every_note_is_in_the_key(spec: TrackSpec) -> None:
    notes = [note for part in arrange(spec).parts.values() for note in part]
    assert {pitch % 12 for note in notes for pitch in note.pitches} <= set(spec.parsed_key.scale)


@pytest.mark.parametrize("style", STYLES)
def test_rendered_audio_is_clean_and_stereo(style: str, short_pieces: dict[str, Audio]) -> None:
    audio, spec = short_pieces[style], STYLES[style]
    assert audio.dtype == np.float32
    assert audio.shape == (duration_samples(spec, bars=SHORT_BARS), 2)
    assert np.abs(audio).max() <= 0.97
    assert np.abs(audio.mean(axis=0)).max() < 0.003
    assert 0.2 < np.asarray(np.corrcoef(audio.T))[0, 1] < 0.98
    assert np.abs(audio[: samples(0.1)]).max() > 0.01, "starts at once"
    assert np.abs(audio[-samples(0.01) :]).max() < 0.001, "ends in silence"
    assert loudness(np.ascontiguousarray(audio.T)) == pytest.approx(spec.lufs, abs=1.5)


def test_the_same_spec_gives_the_same_samples(short_pieces: dict[str, Audio]) -> None:
    assert np.array_equal(render(STYLES["House"], bars=SHORT_BARS), short_pieces["House"])


def test_brighter_specs_sound_brighter(short_pieces: dict[str, Audio]) -> None:
    spec = STYLES["House"]
    dark, bright = (render(spec.model_copy(update={"brightness": value}), bars=2) for value in (0.2, 0.9))
    assert _centroid(dark) < 0.7 * _centroid(bright)
    assert _centroid(short_pieces["Dub"]) < _centroid(short_pieces["House"]) < _centroid(short_pieces["Trance"])


@pytest.mark.parametrize("style", ["House", "Techno", "Trance"])
def test_kicks_fall_on_the_beats(style: str, short_pieces: dict[str, Audio]) -> None:
    low = _band(short_pieces[style].mean(axis=1), 40, 500)
    assert abs(_onset_lag(low, truth(STYLES[style], bars=SHORT_BARS).beats_seconds)) <= 0.005


def test_drums_fall_on_the_beats_to_the_millisecond() -> None:
    spec = STYLES["House"]
    _, drums = next(stems(spec, arrange(spec, bars=2), duration_samples(spec, bars=2)))
    assert abs(_onset_lag(drums.mean(axis=0), truth(spec, bars=2).beats_seconds, window=0.002)) <= 0.002


@pytest.mark.parametrize("style", ["Deep House", "Synthwave", "Lo-fi Hip Hop"])
def test_chords_sound_in_the_key(style: str) -> None:
    spec = STYLES[style]
    parts = stems(spec, arrange(spec, bars=SHORT_BARS), duration_samples(spec, bars=SHORT_BARS))
    chroma = next(_chroma(stem.mean(axis=0)) for part, stem in parts if part == "chords")
    strongest = {int(pitch_class) for pitch_class in np.argsort(chroma)[-5:]}
    assert strongest <= set(spec.parsed_key.scale)
    assert sum(chroma[pitch_class] for pitch_class in spec.parsed_key.scale) > 0.85 * chroma.sum()


def test_a_written_file_holds_what_was_rendered(tmp_path: Path, short_pieces: dict[str, Audio]) -> None:
    spec = STYLES["House"]
    path = write(spec, tmp_path, bars=SHORT_BARS)
    assert path == tmp_path / spec.filename
    known = DemoTruth.model_validate_json(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert known == truth(spec, bars=SHORT_BARS)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        tags = {name.lower(): value for name, value in stream.metadata.items()}
        decoded = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1)
    assert tags["title"] == spec.title and tags["artist"] == spec.artist and tags["genre"] == spec.style
    assert tags["album"] == spec.album and tags["track"] == str(spec.number) and tags["date"] == "2025"
    assert decoded.shape[1] / SAMPLE_RATE == pytest.approx(known.duration_seconds, abs=0.02)
    assert abs(_lag(short_pieces["House"][:, 0], decoded[0])) <= samples(0.001)


def test_a_second_write_does_nothing(tmp_path: Path) -> None:
    path = write(DEMO[0], tmp_path, bars=1)
    before = path.stat().st_mtime_ns
    assert write(DEMO[0], tmp_path, bars=1) == path
    assert path.stat().st_mtime_ns == before
    assert missing(tmp_path) == list(DEMO[1:])
    assert {entry.name for entry in tmp_path.iterdir()} == {DEMO[0].filename, f"{DEMO[0].slug}.json"}


def test_ground_truth_of_an_earlier_version_is_written_again_without_the_audio(tmp_path: Path) -> None:
    path = write(DEMO[0], tmp_path, bars=1)
    json, before = path.with_suffix(".json"), (path.stat().st_mtime_ns, path.read_bytes())
    known = json.read_text(encoding="utf-8")
    json.write_text('{"file": "x", "beatsSeconds": []}', encoding="utf-8")
    assert missing(tmp_path) == list(DEMO)
    assert write(DEMO[0], tmp_path, bars=1) == path
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    assert json.read_text(encoding="utf-8") == known
    assert missing(tmp_path) == list(DEMO[1:])


def test_files_of_a_killed_writer_are_no_tracks(tmp_path: Path) -> None:
    (tmp_path / f".{DEMO[0].filename}.999.part").write_bytes(b"OggS")
    (tmp_path / f"{DEMO[0].slug}.json").write_text("{}", encoding="utf-8")
    assert missing(tmp_path)[0] == DEMO[0]
    write(DEMO[0], tmp_path, bars=1)
    assert missing(tmp_path)[0] == DEMO[1]
    assert [path.name for path in tmp_path.glob("*.opus")] == [DEMO[0].filename]


def _band(mono: Wave, low: float, high: float) -> Wave:
    spectrum = np.fft.rfft(mono)
    frequencies = np.fft.rfftfreq(mono.size, 1 / SAMPLE_RATE)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    return np.fft.irfft(spectrum, mono.size).astype(np.float32)


def _onset_lag(mono: Wave, beats_seconds: list[float], window: float = 0.015) -> float:
    """Return the shift of the beats, within ±60 ms, at which the energy rises most; seconds."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(mono, dtype=np.float64))])
    width, reach = samples(window), samples(0.06)
    rises = np.zeros(2 * reach + 1)
    for beat in beats_seconds[1:-1]:
        at = samples(beat) + np.arange(-reach, reach + 1)
        rises += energy[at + width] - 2 * energy[at] + energy[at - width]
    return float(np.argmax(rises) - reach) / SAMPLE_RATE


def _lag(one: Wave, other: Wave) -> int:
    """Return the samples by which `other` is late."""
    size = one.size + other.size
    match = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)
    peak = int(np.argmax(match))
    return peak if peak < size // 2 else peak - size


def _centroid(audio: Audio) -> float:
    spectrum = np.abs(np.fft.rfft(audio.mean(axis=1)))
    frequencies = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    return float((spectrum * frequencies).sum() / spectrum.sum())


def _chroma(mono: Wave) -> NDArray[np.float64]:
    """Return the energy of each pitch class, C first, from 100 to 1000 Hz."""
    power = np.square(np.abs(np.fft.rfft(mono)))
    frequencies = np.fft.rfftfreq(mono.size, 1 / SAMPLE_RATE)
    middle = (frequencies > 100) & (frequencies < 1000)
    pitches = np.round(69 + 12 * np.log2(frequencies[middle] / 440)).astype(np.int64)
    return np.array([power[middle][pitches % 12 == pitch_class].sum() for pitch_class in range(12)])
