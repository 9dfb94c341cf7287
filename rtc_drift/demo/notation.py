"""The notation of a style.

A pattern is one or two bars of sixteenths. Drums: a digit is a hit's velocity. Elsewhere a letter or digit begins a
note, `-` holds it, `.` is a rest. Bass: r root, o octave, f fifth, s seventh, a the root of the next bar, played early.
Comp: x the chord. Arp: a digit picks the chord's note. Motif: x a note, two bars. Fill: the last half bar, one letter
per drum (`FILL_VOICES`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtc_drift.demo.theory import Mode

FILL_VOICES = {"s": "snare", "c": "clap", "r": "rim", "t": "tom", "T": "tom2", "k": "conga", "K": "conga2", "b": "kick"}

LAYERS = {"kick": "kick", "snare": "snare", "clap": "snare", "rim": "snare", "hat": "hats", "open": "hats"}
LAYERS |= {"ride": "ride", "shaker": "perc", "conga": "perc", "conga2": "perc", "tambourine": "perc"}

_LEVELS = {"drums": -18.0, "bass": -20.0, "chords": -23.5, "pad": -27.0, "arp": -27.0, "lead": -23.5}
_SENDS = {"drums": 0.06, "bass": 0.0, "chords": 0.25, "pad": 0.4, "arp": 0.35, "lead": 0.35}
_ECHOES = {"chords": 0.0, "arp": 0.3, "lead": 0.25}


@dataclass(frozen=True)
class Style:
    """All that `arrange` and `synthesis` need to know about a style."""

    kit: str
    drums: Mapping[str, str]
    patches: Mapping[str, str]
    """Patch names by part (bass, chords, pad, arp, lead); a part without a patch doesn't play."""
    progressions: Mapping[Mode, tuple[str, ...]]
    """Scale degrees, one chord each."""
    bass: str
    comp: str
    motifs: tuple[str, ...]
    arp: str = ""
    fills: tuple[str, ...] = ("......s.", "....s.ss")
    intro: tuple[str, ...] = ("chords", "pad", "hats", "kick")
    """Layers in the order in which they enter. In the outro they leave in reverse order; the bass stays to the end."""
    pause: tuple[str, ...] = ("pad", "lead", "chords", "arp")
    """Layers of the break, in the order in which they enter."""
    finale: frozenset[str] = frozenset({"ride"})
    """Layers that play only in the last main section, among the full sections."""
    chord_bars: int = 1
    chord_notes: int = 4
    swing: float = 0.0
    """Delay of every second sixteenth, in sixteenths."""
    lead_centre: int = 74
    levels: Mapping[str, float] = field(default_factory=dict)
    """Stem levels in dB where they differ from the defaults."""
    sends: Mapping[str, float] = field(default_factory=dict)
    echoes: Mapping[str, float] = field(default_factory=dict)
    reverb_seconds: float = 1.4
    echo_steps: int = 3
    ducking: float = 0.0
    """Depth of the side-chain, 0–1."""
    risers: bool = False
    crackle: bool = False

    def level(self, part: str) -> float:
        """Return the target level of a part in dB."""
        return self.levels.get(part, _LEVELS[part])

    def send(self, part: str) -> float:
        """Return the share of a part that goes to the reverb, 0–1."""
        return self.sends.get(part, _SENDS[part])

    def echo(self, part: str) -> float:
        """Return the share of a part that goes to the echo, 0–1."""
        return self.echoes.get(part, _ECHOES.get(part, 0.0))
