"""A track as the mixing sees it: tags, beat grid, loudness curve and chords."""

from dataclasses import dataclass, field

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.track import Track
from rtc_drift.mixing.beat_grid import BeatGrid, grid_of
from rtc_drift.mixing.clash import Harmony
from rtc_drift.mixing.loudness_curve import LoudnessCurve

_EARLY_SECONDS = 0.05
"""Greatest distance of a downbeat before the first sound."""


@dataclass(frozen=True)
class MixTrack:
    """The outgoing or the incoming track of a transition. Times in seconds of the file."""

    track: Track
    analysis: Analysis | None = None
    grid: BeatGrid | None = field(init=False, repr=False)
    """None if beat confidence is too low."""
    level: LoudnessCurve = field(init=False, repr=False)
    """The loudness curve."""
    harmony: Harmony = field(init=False, repr=False)
    """The chords; none if the track is not analysed."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", grid_of(self.analysis) if self.analysis else None)
        object.__setattr__(self, "level", self._loudness_curve())
        object.__setattr__(self, "harmony", Harmony.of(self.analysis.chroma if self.analysis else ()))

    @property
    def first_sound(self) -> float:
        """In seconds."""
        return self.track.first_sound_seconds

    @property
    def last_sound(self) -> float:
        """In seconds."""
        return self.track.last_sound_seconds

    def first_bar(self, within: float) -> float | None:
        """Return the start of the first bar; None if it is unknown or over `within` seconds after the first sound."""
        first = self.grid.next_downbeat(self.first_sound - _EARLY_SECONDS) if self.grid else None
        return first if first is not None and first <= self.first_sound + within else None

    def _loudness_curve(self) -> LoudnessCurve:
        sounds, it = (self.first_sound, self.last_sound), self.analysis
        if it is None:
            return LoudnessCurve((), self.track.integrated_lufs, (), (), sounds)
        return LoudnessCurve(it.momentary_lufs, self.track.integrated_lufs, it.heard_bass, it.heard_highs, sounds)
