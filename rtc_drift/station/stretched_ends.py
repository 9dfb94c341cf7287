"""The files with the stretched ends of two tracks: the outgoing one's ending, and the incoming one's beginning."""

from dataclasses import dataclass
from pathlib import Path

from rtc_drift.engine.protocol.plays import Lead, LeadOut
from rtc_drift.library.track import Track
from rtc_drift.mixing.model import Transition
from rtc_drift.station.sources import LeadSource


@dataclass(frozen=True, slots=True)
class StretchedEnds:
    """The files of a transition; None for an end that is not stretched."""

    incoming: Path | None = None
    outgoing: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that there are."""
        return tuple(path for path in (self.incoming, self.outgoing) if path is not None)

    def lead(self, transition: Transition) -> Lead | None:
        """Return the stretched intro of the incoming track, if there is one."""
        warp = transition.lead_warp
        if warp is None or self.incoming is None:
            return None
        return Lead(str(self.incoming), warp.length, warp.resumes_at)

    def lead_out(self, transition: Transition) -> LeadOut | None:
        """Return the stretched ending of the outgoing track, if there is one."""
        warp = transition.lead_out_warp
        if warp is None or self.outgoing is None:
            return None
        return LeadOut(str(self.outgoing), transition.leave_at, warp.length)


async def stretched_ends(
    leads: LeadSource, outgoing: Track, incoming: Track, transition: Transition
) -> StretchedEnds | None:
    """Render the stretched ends of a transition. None if one of them failed; then nothing has to be released."""
    first = second = None
    if transition.lead_warp is not None:
        first = await leads.prepare(incoming.path, transition.lead_warp)
        if first is None:
            return None
    try:
        if transition.lead_out_warp is not None:
            second = await leads.prepare(outgoing.path, transition.lead_out_warp)
    finally:
        is_whole = transition.lead_out_warp is None or second is not None
        if first is not None and not is_whole:
            leads.release(first)
    return StretchedEnds(first, second) if is_whole else None
