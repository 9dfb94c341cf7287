"""The tracks of the demo library: their names, and how they should sound."""

import re

from pydantic import BaseModel, ConfigDict, Field

from rtc_drift.demo.theory import Key, parse_key

AUDIO_SUFFIX = ".opus"


class TrackSpec(BaseModel):
    """One track to synthesise. The same spec always gives the same samples."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=1, le=99)
    title: str
    artist: str
    album: str
    style: str
    """A key of `STYLES`; also the genre tag."""
    bpm: float = Field(ge=60, le=180)
    key: str
    """Tonic and mode, such as `"F# minor"`."""
    seed: int
    form: tuple[int, int, int, int, int, int]
    """Bars of intro, build, main, break, finale and outro."""
    brightness: float = Field(ge=0, le=1)
    energy: float = Field(ge=0, le=1)
    lufs: float = Field(ge=-24, le=-8)
    """Integrated loudness before the soft clip, which lowers it by up to 0.7 LU."""
    year: int = 2025

    @property
    def bars(self) -> int:
        """Number of bars of four beats, without the ending."""
        return sum(self.form)

    @property
    def slug(self) -> str:
        """The file name without its suffix, such as `07-night-bus`."""
        words = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")
        return f"{self.number:02d}-{words}"

    @property
    def filename(self) -> str:
        """The audio file's name."""
        return self.slug + AUDIO_SUFFIX

    @property
    def parsed_key(self) -> Key:
        """The key as tonic and mode."""
        return parse_key(self.key)


_ALBUMS = {
    "Paper Lanterns": "Window Seat",
    "Halden & Moss": "Slow Water",
    "Orbital Post Office": "Return to Sender",
    "Marisol Ferro": "Varanda",
    "Kite Theory": "Second Wind",
    "The Copper Quay": "Dockside Sessions",
    "Neon Cartographer": "Map of the Coast Road",
    "Ilse Vantaa": "Polar Day",
    "Subway Botanist": "Roots and Wires",
}

_SHORT, _CLUB, _LONG = (4, 4, 8, 4, 8, 4), (8, 8, 16, 8, 16, 8), (8, 8, 24, 8, 24, 8)
_MEDIUM, _SONG = (4, 4, 16, 4, 16, 4), (4, 8, 8, 8, 16, 4)

# title, artist, style, bpm, key, form, brightness, energy, loudness
_TABLE: tuple[tuple[str, str, str, float, str, tuple[int, int, int, int, int, int], float, float, float], ...] = (
    ("Rain on the Skylight", "Paper Lanterns", "Lo-fi Hip Hop", 88, "F major", (4, 4, 8, 4, 4, 4), 0.36, 0.30, -16.0),
    ("Night Bus to Alma", "Ilse Vantaa", "Deep House", 120, "A minor", _CLUB, 0.42, 0.55, -13.0),
    ("Salt and Neon", "Neon Cartographer", "Synthwave", 100, "E minor", _MEDIUM, 0.66, 0.62, -12.0),
    ("Varanda", "Marisol Ferro", "Bossa Nova", 132, "D major", _CLUB, 0.50, 0.36, -17.0),
    ("First Light, Harbour", "Halden & Moss", "Ambient", 72, "G major", _SHORT, 0.26, 0.10, -20.0),
    ("Telegram Disco", "Orbital Post Office", "House", 125, "C minor", _CLUB, 0.72, 0.76, -11.0),
    ("Copper Rain", "The Copper Quay", "Dub", 74, "B minor", _SHORT, 0.22, 0.38, -14.5),
    ("Updraft", "Kite Theory", "Drum & Bass", 174, "F minor", _LONG, 0.74, 0.88, -10.8),
    ("Dial Tone", "Subway Botanist", "Techno", 132, "D minor", _CLUB, 0.56, 0.84, -11.0),
    ("Half Past Quiet", "Paper Lanterns", "Lo-fi Hip Hop", 78, "C# minor", (4, 4, 8, 4, 8, 4), 0.24, 0.22, -17.5),
    ("Midnight Sun Parade", "Ilse Vantaa", "Trance", 138, "G minor", _CLUB, 0.86, 0.92, -10.5),
    ("Handshake Street", "The Copper Quay", "Funk", 106, "Bb major", _MEDIUM, 0.68, 0.70, -13.0),
    ("Glasshouse", "Subway Botanist", "Downtempo", 94, "Eb major", _MEDIUM, 0.46, 0.40, -15.0),
    ("Airmail", "Orbital Post Office", "House", 126, "A major", _CLUB, 0.80, 0.74, -11.5),
    ("Saudade Sem Pressa", "Marisol Ferro", "Bossa Nova", 124, "A minor", _CLUB, 0.40, 0.28, -18.0),
    ("Coast Road 101", "Neon Cartographer", "Synthwave", 110, "C major", _MEDIUM, 0.76, 0.68, -12.5),
    ("Tidewrack", "Halden & Moss", "Downtempo", 90, "F# minor", _SONG, 0.30, 0.34, -16.5),
    ("Thermals", "Kite Theory", "Drum & Bass", 172, "B major", _LONG, 0.64, 0.80, -11.2),
    ("Polar Day", "Ilse Vantaa", "Trance", 140, "E major", _CLUB, 0.92, 0.95, -10.2),
    ("Ballast", "The Copper Quay", "Dub", 76, "G minor", _SHORT, 0.34, 0.42, -14.0),
    ("Warm Circuits", "Subway Botanist", "Deep House", 122, "Ab major", _CLUB, 0.52, 0.58, -13.5),
    ("Snow on Tape", "Paper Lanterns", "Lo-fi Hip Hop", 84, "Bb minor", (4, 4, 8, 4, 8, 4), 0.30, 0.26, -18.5),
    ("Relay Station", "Orbital Post Office", "Techno", 136, "Eb minor", _CLUB, 0.62, 0.90, -10.4),
    ("Moss Garden", "Halden & Moss", "Ambient", 76, "Db major", _SHORT, 0.38, 0.14, -19.0),
    ("Carnival Kites", "Kite Theory", "Funk", 112, "E minor", _MEDIUM, 0.78, 0.78, -12.0),
    ("Ocean Drive Encore", "Neon Cartographer", "Deep House", 118, "F# major", _CLUB, 0.44, 0.50, -14.0),
)

DEMO: tuple[TrackSpec, ...] = tuple(
    TrackSpec(
        number=number,
        title=title,
        artist=artist,
        album=_ALBUMS[artist],
        style=style,
        bpm=bpm,
        key=key,
        seed=1000 + number,
        form=form,
        brightness=brightness,
        energy=energy,
        lufs=lufs,
    )
    for number, (title, artist, style, bpm, key, form, brightness, energy, lufs) in enumerate(_TABLE, start=1)
)
"""All demo tracks, in the order in which they are rendered. The first is short and renders quickly."""
