"""How the library is doing, in figures and sentences."""

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class LibraryStatus(BaseModel):
    """What people are told about the library."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    source: Literal["music", "demo", "none"]
    tracks: int
    """How many can be played now."""
    analysed: int
    """How many of these have been listened to."""
    unplayable: int
    """How many files of the music folders can't be played."""
    scanning: bool
    done: int
    """Files examined by the scan, of `total` new or changed ones."""
    total: int
    notice: str | None
    """What is wrong with the music folders, one sentence for each."""
    failures: int
    """What went wrong in the background; each kind is logged once."""
