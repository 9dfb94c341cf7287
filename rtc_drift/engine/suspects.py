"""Which files to blame for the deaths of decoders. Pure: the owner says what each decoder was at when it died."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_DEATHS = 2
"""Deaths of a decoder while it worked on one file, after which that file is given up."""
_MOST_SUSPECTS = 1_000


@dataclass(slots=True)
class _Record:
    """The deaths for which a file may be to blame."""

    crashes: int = 0
    kills: int = 0
    decoded: int = 0


class Suspects:
    """The files that decoders were at when they died. `path in suspects` is True until a file is given up."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._records

    def died(self, files: Mapping[str, int], *, crashed: bool) -> set[str]:
        """Note that a decoder died while it was at these files. Return those that are to be given up.

        Args:
            files: The number of samples of each file that were decoded by then.
            crashed: True if it ended by itself. It may also have been killed: by a person, or by the system because a
                file took all memory. So a kill counts until the file was decoded further.
        """
        given_up = set[str]()
        for path, decoded in files.items():
            record = self._records.pop(path, None) or _Record()
            if decoded != record.decoded:
                record.kills = 0
            record.crashes += crashed
            record.kills += not crashed
            record.decoded = decoded
            if record.crashes + record.kills >= MOST_DEATHS:
                given_up.add(path)
            else:
                self._records[path] = record
        while len(self._records) > _MOST_SUSPECTS:
            del self._records[next(iter(self._records))]
        return given_up
