"""Files of stretched ends: both are there, or none is kept."""

from dataclasses import replace
from pathlib import Path

from rtc_drift.media import SAMPLE_RATE
from rtc_drift.mixing.model import Transition
from rtc_drift.station.stretched_ends import stretched_ends
from rtc_drift.stretching.warp import Warp
from tests.support.music import make_track

OUTGOING, INCOMING = make_track(1), make_track(2)
LEAD_OUT = Warp.leaving((0.0, SAMPLE_RATE), (0.0, 1.02 * SAMPLE_RATE))
LEAD = Warp.matched(SAMPLE_RATE, 1.02, SAMPLE_RATE, SAMPLE_RATE)
BOTH = Transition("crossfade", 0, SAMPLE_RATE, SAMPLE_RATE, lead_warp=LEAD, lead_out_warp=LEAD_OUT)


class OneThatFails:
    """A `LeadSource` that can't render one of the files."""

    def __init__(self, failing: Path | None) -> None:
        self.failing = failing
        self.kept = set[Path]()

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        if path == self.failing:
            return None
        self.kept.add(path)
        return path

    def release(self, path: Path) -> None:
        self.kept.remove(path)


async def test_both_files_are_rendered() -> None:
    leads = OneThatFails(None)
    ends = await stretched_ends(leads, OUTGOING, INCOMING, BOTH)
    assert ends is not None and set(ends.files) == leads.kept == {OUTGOING.path, INCOMING.path}
    lead, lead_out = ends.lead(BOTH), ends.lead_out(BOTH)
    assert lead is not None and lead.length == LEAD.length
    assert lead_out is not None and (lead_out.begins_at, lead_out.length) == (BOTH.leave_at, LEAD_OUT.length)


async def test_if_one_file_fails_the_other_is_released() -> None:
    for failing in (OUTGOING, INCOMING):
        leads = OneThatFails(failing.path)
        assert await stretched_ends(leads, OUTGOING, INCOMING, BOTH) is None
        assert not leads.kept


async def test_only_what_is_stretched_is_rendered() -> None:
    leads = OneThatFails(OUTGOING.path)
    ends = await stretched_ends(leads, OUTGOING, INCOMING, replace(BOTH, lead_out_warp=None))
    assert ends is not None and ends.files == (INCOMING.path,)
    assert ends.lead_out(replace(BOTH, lead_out_warp=None)) is None
