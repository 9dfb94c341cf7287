"""The status of the library, in figures and sentences."""

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class LibraryStatus(BaseModel):
    """The status of the library: the answer to `GET /api/library`, and part of a session's state."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    source: Literal["music", "demo", "none"]
    """Origin of the tracks: the music folders, or the demo library."""
    tracks: int
    """Number of tracks that can be played now."""
    analysed: int
    """Number of these tracks that are analysed, or can't be."""
    analysis_seconds_left: float | None
    """Estimated time until all of them are; null if it can't be told."""
    unplayable: int
    """Number of files in the music folders that can't be played."""
    scanning: bool
    """True while the music folders are scanned."""
    done: int
    """Number of files that the scan has probed, of `total`."""
    total: int
    """Number of new or changed files that the scan has found."""
    notice: str | None
    """One sentence for each music folder with a problem; null without one."""
    failures: int
    """Number of failures in the background; each kind is logged once."""
