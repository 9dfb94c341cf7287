"""The ground truth of a demo track: what is known for certain, for tests of the analysis."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from rtc_drift.demo.arrange import sections
from rtc_drift.demo.specs import TrackSpec
from rtc_drift.media import BLOCK_SAMPLES, SAMPLE_RATE, seconds

_LEAD_IN_SECONDS = 0.02
_ENDING_SECONDS = 2.8
_BEATS_PER_BAR = 4
_PHRASE_BARS = 8


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class DemoSection(_Model):
    """A part of a track, as it was written."""

    name: str
    """Name of the part: intro, build, main, break, finale or outro."""
    starts_seconds: float
    bars: int


class DemoTruth(_Model):
    """The ground truth of one track, as in the JSON file beside it. Times in seconds of the decoded audio."""

    file: str
    title: str
    artist: str
    style: str
    bpm: float
    key: str
    camelot: str
    beats_seconds: list[float]
    """All beats, the one of the final chord included."""
    downbeats_seconds: list[float]
    phrases_seconds: list[float]
    """First beats of the phrases: every eighth bar of each section. The final chord begins none."""
    sections: list[DemoSection]
    duration_seconds: float
    brightness: float
    """The intended brightness, 0–1."""
    energy: float
    """The intended energy, 0–1."""


def step_samples(spec: TrackSpec, step: float) -> int:
    """Return the start of a sixteenth of the grid, in samples at 48 kHz."""
    return round((_LEAD_IN_SECONDS + step * 15 / spec.bpm) * SAMPLE_RATE)


def duration_samples(spec: TrackSpec, *, bars: int | None = None) -> int:
    """Return the length of the track in samples. It is a whole number of Opus packets, so encoding keeps it."""
    end = step_samples(spec, 16 * (spec.bars if bars is None else bars)) + round(_ENDING_SECONDS * SAMPLE_RATE)
    return -(-end // BLOCK_SAMPLES) * BLOCK_SAMPLES


def truth(spec: TrackSpec, *, bars: int | None = None) -> DemoTruth:
    """Return the ground truth of a spec, for the same `bars` as `render`."""
    beats = _BEATS_PER_BAR * (spec.bars if bars is None else bars) + 1
    grid = [round(seconds(step_samples(spec, 4 * beat)), 6) for beat in range(beats)]
    plan = sections(spec, bars)
    phrases = [bar for it in plan for bar in range(it.start, it.start + it.bars, _PHRASE_BARS)]
    return DemoTruth(
        file=spec.filename,
        title=spec.title,
        artist=spec.artist,
        style=spec.style,
        bpm=spec.bpm,
        key=spec.key,
        camelot=spec.parsed_key.camelot,
        beats_seconds=grid,
        downbeats_seconds=grid[::_BEATS_PER_BAR],
        phrases_seconds=[grid[_BEATS_PER_BAR * bar] for bar in phrases],
        sections=[
            DemoSection(name=it.name, starts_seconds=grid[_BEATS_PER_BAR * it.start], bars=it.bars) for it in plan
        ],
        duration_seconds=seconds(duration_samples(spec, bars=bars)),
        brightness=spec.brightness,
        energy=spec.energy,
    )
