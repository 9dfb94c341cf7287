"""The full record of a rendering, as JSON: enough to rebuild its plays. All times are samples unless stated."""

from rtc_drift import __version__
from rtc_drift.engine.protocol import plays
from rtc_drift.library.track import legible
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.mixing import model
from rtc_drift.rendering.render import LAST_FADE
from rtc_drift.rendering.render_log import ExecutedCommand, RenderLog
from rtc_drift.station.entry import Entry
from rtc_drift.station.views import WhyInfo, Wire


class FadeRecord(Wire):
    """A fade from media time `start` on, over `length` samples."""

    start: int
    length: int

    @classmethod
    def of(cls, fade: plays.Fade | None) -> "FadeRecord | None":
        """Return the record of a fade."""
        return None if fade is None else cls(start=fade.start, length=fade.length)

    @staticmethod
    def fade(record: "FadeRecord | None") -> plays.Fade | None:
        """Return the fade of a record."""
        return None if record is None else plays.Fade(record.start, record.length)


class BandsRecord(Wire):
    """The fades of the three bands of a play; see `Bands`."""

    low: FadeRecord
    mid: FadeRecord
    high: FadeRecord

    @classmethod
    def of(cls, bands: plays.Bands | None) -> "BandsRecord | None":
        """Return the record of the bands' fades."""
        if bands is None:
            return None
        low, mid, high = (FadeRecord(start=it.start, length=it.length) for it in (bands.low, bands.mid, bands.high))
        return cls(low=low, mid=mid, high=high)

    @staticmethod
    def bands(record: "BandsRecord | None") -> plays.Bands | None:
        """Return the fades of a record."""
        if record is None:
            return None
        return plays.Bands(*(plays.Fade(it.start, it.length) for it in (record.low, record.mid, record.high)))


class LeadOutRecord(Wire):
    """A stretched ending; see `LeadOut`."""

    path: str | None
    """Its file; None if it was not kept."""
    begins_at: int
    length: int


class LeadRecord(Wire):
    """A stretched intro; see `Lead`."""

    path: str | None
    """Its file; None if it was not kept."""
    length: int
    resumes_at: int


class TransitionRecord(Wire):
    """A transition; see `Transition`."""

    kind: model.TransitionKind
    style: model.Style
    leave_at: int
    enter_at: int
    duration_samples: int
    delay: int
    hold: int
    bars: int
    tempo_ratio: float
    outgoing_tempo_ratio: float
    sways: float
    reasons: list[str]

    @classmethod
    def of(cls, it: model.Transition) -> "TransitionRecord":
        """Return the record of a transition."""
        return cls(
            kind=it.kind,
            style=it.style,
            leave_at=it.leave_at,
            enter_at=it.enter_at,
            duration_samples=it.duration,
            delay=it.delay,
            hold=it.hold,
            bars=it.bars,
            tempo_ratio=it.ratio,
            outgoing_tempo_ratio=it.outgoing_ratio,
            sways=it.sways,
            reasons=list(it.reasons),
        )


class TrackRecord(Wire):
    """A track and its file."""

    id: str
    title: str
    artist: str
    path: str


class PlayRecord(Wire):
    """A play; see `Play`."""

    id: int
    track: TrackRecord
    starts_at: int
    ends_at: int
    """May lie after the end of the rendering, for the last play."""
    offset_samples: int
    gain: float
    fade_in: int
    fade_out: FadeRecord | None
    hush: FadeRecord | None
    bands_in: BandsRecord | None
    bands_out: BandsRecord | None
    lead: LeadRecord | None
    lead_out: LeadOutRecord | None
    transition: TransitionRecord
    reason: str
    queued: bool
    why: WhyInfo | None

    @classmethod
    def of(cls, entry: Entry, *, leads_are_kept: bool) -> "PlayRecord":
        """Return the record of an entry. Without `leads_are_kept` it does not name the file of a stretched intro."""
        play, track, lead, lead_out = entry.play, entry.track, None, None
        if play.lead_out is not None:
            path, begins_at = play.lead_out.path if leads_are_kept else None, play.lead_out.begins_at
            lead_out = LeadOutRecord(path=path, begins_at=begins_at, length=play.lead_out.length)
        if play.lead is not None:
            path = play.lead.path if leads_are_kept else None
            lead = LeadRecord(path=path, length=play.lead.length, resumes_at=play.lead.resumes_at)
        return cls(
            id=play.id,
            track=TrackRecord(id=track.id, title=track.title, artist=track.artist, path=legible(track.path)),
            starts_at=play.start,
            ends_at=play.end,
            offset_samples=play.offset,
            gain=play.gain,
            fade_in=play.fade_in,
            fade_out=FadeRecord.of(play.fade_out),
            hush=FadeRecord.of(play.hush),
            bands_in=BandsRecord.of(play.bands_in),
            bands_out=BandsRecord.of(play.bands_out),
            lead=lead,
            lead_out=lead_out,
            transition=TransitionRecord.of(entry.transition),
            reason=entry.full_reason,
            queued=entry.queued,
            why=WhyInfo.of(entry.why),
        )

    def play(self) -> plays.Play:
        """Rebuild the play. Raises ValueError if an end of it was stretched and not kept."""
        lead = lead_out = None
        if self.lead_out is not None:
            if self.lead_out.path is None:
                raise ValueError("the stretched ending was not kept")
            lead_out = plays.LeadOut(self.lead_out.path, self.lead_out.begins_at, self.lead_out.length)
        if self.lead is not None:
            if self.lead.path is None:
                raise ValueError("the stretched intro was not kept")
            lead = plays.Lead(self.lead.path, self.lead.length, self.lead.resumes_at)
        return plays.Play(
            id=self.id,
            track_id=self.track.id,
            path=self.track.path,
            start=self.starts_at,
            offset=self.offset_samples,
            end=self.ends_at,
            gain=self.gain,
            fade_in=self.fade_in,
            fade_out=FadeRecord.fade(self.fade_out),
            hush=FadeRecord.fade(self.hush),
            lead=lead,
            lead_out=lead_out,
            bands_in=BandsRecord.bands(self.bands_in),
            bands_out=BandsRecord.bands(self.bands_out),
        )


class CommandRecord(Wire):
    """A command and when it took effect."""

    at: float
    """Time of the command, in seconds."""
    command: str
    body: dict[str, object]
    starts_at: int
    """Media time at which it took effect."""
    track_id: str | None
    transition: TransitionRecord | None

    @classmethod
    def of(cls, it: ExecutedCommand) -> "CommandRecord":
        """Return the record of a command."""
        accepted, scripted = it.accepted, it.scripted
        return cls(
            at=scripted.at / SAMPLE_RATE,
            command=scripted.command,
            body=scripted.body.model_dump(mode="json", by_alias=True),
            starts_at=accepted.starts_at,
            track_id=accepted.track.id if accepted.track is not None else None,
            transition=TransitionRecord.of(accepted.transition) if accepted.transition is not None else None,
        )


class RenderRecord(Wire):
    """A rendering; `rtc-drift render` writes it next to the audio."""

    version: str
    seed: int
    minutes: float
    sample_rate: int
    length_samples: int
    last_fade: FadeRecord
    """The fade-out of the mix at its end."""
    plays: list[PlayRecord]
    commands: list[CommandRecord]

    @classmethod
    def of(cls, log: RenderLog, *, seed: int, length: int, leads_are_kept: bool = False) -> "RenderRecord":
        """Return the record of the first `length` samples."""
        fade = min(LAST_FADE, length)
        return cls(
            version=__version__,
            seed=seed,
            minutes=length / SAMPLE_RATE / 60,
            sample_rate=SAMPLE_RATE,
            length_samples=length,
            last_fade=FadeRecord(start=length - fade, length=fade),
            plays=[PlayRecord.of(entry, leads_are_kept=leads_are_kept) for entry in log.entries(length)],
            commands=[CommandRecord.of(it) for it in log.commands],
        )
