"""A picture of a beat-matched transition: `python -m benchmarks.transition_picture -o docs/transition.svg`.

The music is the demo library, or the folder that RTC_DRIFT_BENCH_MUSIC names.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.planned_programme import MARGIN, RenderableLead, TransitionExcerpt, plan_programme
from benchmarks.scanned_library import scanned_library
from benchmarks.svg import Drawing, Scale, themed
from benchmarks.transition_measures import first_sample, render_mix
from rtc_drift.engine.band_fades import band_gains
from rtc_drift.engine.fades import envelope
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import SAMPLE_RATE, Audio, samples, seconds
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.rendering.file_deck import FileDeck
from tests.support.measures.loudness import HOP, SPAN, short_term_lufs
from tests.support.measures.parts import Part, parts_of, sources_of

_TRANSITIONS = 60
_SHOWN = samples(8.0)
"""Samples shown before and after the overlap."""
_WIDTH, _LEFT, _RIGHT = 960, 68, 940
_LIGHT = {
    "paper": "#ffffff",
    "frame": "#d9dde3",
    "ink": "#1f2630",
    "soft": "#66707d",
    "grid": "#e8ebef",
    "both": "#f2f4f7",
    "a": "#2463c9",
    "b": "#c2540a",
}
_DARK = {
    "paper": "#14181e",
    "frame": "#333b46",
    "ink": "#e6eaf0",
    "soft": "#98a3b1",
    "grid": "#262d36",
    "both": "#1d232b",
    "a": "#6ea3f7",
    "b": "#f2964f",
}
_STYLE = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:var(--soft)}"
    ".title{font-size:17px;font-weight:600;fill:var(--ink)}.end{text-anchor:end}.mid{text-anchor:middle}"
    "text.a{fill:var(--a);font-weight:600}text.b{fill:var(--b);font-weight:600}.strong{fill:var(--ink);font-weight:600}"
    ".paper{fill:var(--paper);stroke:var(--frame)}.both{fill:var(--both)}"
    "path{fill:none}.grid{stroke:var(--grid)}.edge{stroke:var(--soft);stroke-dasharray:2 3}"
    ".wave{opacity:.9}.bare{opacity:.22}path.wave.a,path.bare.a{fill:var(--a)}path.wave.b,path.bare.b{fill:var(--b)}"
    ".beat{opacity:.55}.bar{stroke-width:2}"
    ".beat.a,.bar.a,.curve.a{stroke:var(--a)}.beat.b,.bar.b,.curve.b{stroke:var(--b)}"
    ".curve{stroke-width:2}.bass{stroke-dasharray:5 4;stroke-width:1.5}.highs{stroke-dasharray:1.5 3;stroke-width:1.5}"
    ".mix{stroke:var(--ink)}"
)


@dataclass(frozen=True, slots=True)
class _PicturedTrack:
    """One of the two tracks: `a` is the outgoing one, `b` the incoming one."""

    name: str
    play: Play
    title: str
    source: Audio
    """The track at its level and tempo in the mix, without fades; as long as the mix."""
    part: Audio
    """The track's part of the mix."""
    beats: NDArray[np.float64]
    """Media times of the beats."""
    downbeats: NDArray[np.float64]


async def picture() -> str:
    """Return the SVG."""
    async with scanned_library() as library:
        with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
            planned = plan_programme(library, 1, Path(folder), transitions=_TRANSITIONS)
            stretched = [it for it in planned.transitions if _is_suitable(it, library)]
            excerpt = max(stretched, key=lambda it: (abs(it.transition.ratio - 1), it.titles))
            for path, lead in planned.leads_of(excerpt):
                lead.render(path)
            return _drawn(excerpt, planned.leads, library)


def _is_suitable(excerpt: TransitionExcerpt, library: MemoryLibrary) -> bool:
    """Return True if a tempo is stretched, and the tempi are not an octave apart, so that each beat meets one."""
    analyses = [library.analysis(play.track_id) for play in (excerpt.outgoing, excerpt.incoming)]
    tempi = [analysis.tempo_bpm for analysis in analyses if analysis]
    return excerpt.transition.needs_stretching and None not in tempi and 0.8 < (tempi[0] or 1) / (tempi[1] or 1) < 1.25


def _drawn(excerpt: TransitionExcerpt, leads: dict[str, RenderableLead], library: MemoryLibrary) -> str:
    first = first_sample(excerpt)
    count = min(excerpt.ends + MARGIN, excerpt.incoming.end) - first
    mix = render_mix(excerpt, first, count)
    tracks = list(_tracks(excerpt, first, count, leads, library))
    time = Scale(-_SHOWN, excerpt.ends + _SHOWN, _LEFT, _RIGHT)
    drawing = Drawing(_WIDTH, 588, f"How {excerpt.titles.replace('→', 'gives way to')}", themed(_LIGHT, _DARK) + _STYLE)
    drawing.add("rect", "paper", x=0.5, y=0.5, width=_WIDTH - 1, height=587, rx=10)
    begins, ends = time.at(0), time.at(excerpt.ends)
    drawing.add("rect", "both", x=begins, y=72, width=ends - begins, height=474)
    _headline(drawing, excerpt)
    for track, top in zip(tracks, (84, 214), strict=True):
        _wave(drawing, track, time, first, top)
    _beats(drawing, tracks, time)
    _gains(drawing, tracks, time)
    _loudness(drawing, mix, time, first)
    _times(drawing, time, excerpt)
    drawing.strokes("edge", (begins, ends), 72, 546)
    return str(drawing)


def _tracks(
    excerpt: TransitionExcerpt, first: int, count: int, leads: dict[str, RenderableLead], library: MemoryLibrary
) -> Iterator[_PicturedTrack]:
    plays = (excerpt.outgoing, excerpt.incoming)
    sources = sources_of(plays, FileDeck, first, count)
    parts = parts_of(plays, FileDeck, first, count)

    def placed(some: list[Part], play: Play) -> Audio:
        return next(part for part in some if part.play == play.id).placed(count)

    for name, play in zip("ab", plays, strict=True):
        analysis, track = library.analysis(play.track_id), library.get(play.track_id)
        assert analysis is not None
        assert track is not None
        positions = (analysis.beats_seconds, analysis.downbeats_seconds)
        beats, downbeats = (_media_times(play, leads, it) for it in positions)
        yield _PicturedTrack(name, play, track.title, placed(sources, play), placed(parts, play), beats, downbeats)


def _media_times(play: Play, leads: dict[str, RenderableLead], positions: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the media times at which a play reaches positions of its file (seconds), its stretched ends included.

    Positions outside of the play are left out.
    """
    lead, out, times = play.lead, play.lead_out, list[float]()
    for position in (at * SAMPLE_RATE for at in positions):
        if lead is not None and position < lead.resumes_at:
            times.append(play.start + leads[lead.path].warp.output_at(position))
        elif out is not None and position > out.begins_at:
            times.append(play.time_of(out.begins_at) + leads[out.path].warp.output_at(position))
        else:
            times.append(play.start + position - play.offset)
    return np.array([time for time in times if play.start - HOP / 10 <= time <= play.end])


def _headline(drawing: Drawing, excerpt: TransitionExcerpt) -> None:
    plan = excerpt.transition
    drawing.text("title", 24, 34, excerpt.titles)
    how = "the tempo moves evenly" if plan.lead_out_warp is not None else "then back to its own tempo"
    change = f"{abs(plan.ratio - 1):.1%} {'faster' if plan.ratio > 1 else 'slower'}"
    text = f"Beat-matched over {plan.bars} bars; the incoming track {change}, {how}"
    drawing.text("", 24, 55, text.replace("%", "\N{NARROW NO-BREAK SPACE}%", 1))


def _wave(drawing: Drawing, track: _PicturedTrack, time: Scale, first: int, top: float) -> None:
    """Draw the peaks per pixel: of the file, pale, and of the track's part of the mix, dark."""
    middle, half = top + 54, 48
    loudest = float(np.abs(track.source).max())
    height = Scale(-loudest, loudest, middle + half, middle - half)
    for classes, audio in (("bare", track.source), ("wave", track.part)):
        upper, lower = [], []
        for x in range(_LEFT, _RIGHT):
            low, high = (round(_at(time, edge)) - first for edge in (x, x + 1))
            some = audio[max(low, 0) : max(high, 0)]
            if len(some):
                upper.append((float(x), height.at(float(some.max()))))
                lower.append((float(x), height.at(float(some.min()))))
        silent = [abs(up[1] - down[1]) < 0.05 for up, down in zip(upper, lower, strict=True)]
        kept = [index for index, is_silent in enumerate(silent) if not is_silent]
        if kept:
            some_of = slice(kept[0], kept[-1] + 1)
            drawing.area(f"{classes} {track.name}", upper[some_of] + lower[some_of][::-1])
    if track.name == "a":
        drawing.text("a", _LEFT, top + 4, f"{track.title} goes")
    else:  # left of its start
        drawing.text("b end", time.at(track.play.start) - 12, middle + 4, f"{track.title} comes")


def _beats(drawing: Drawing, tracks: list[_PicturedTrack], time: Scale) -> None:
    """Draw the beats of one track above those of the other, to show whether they meet."""
    for track, (top, bottom) in zip(tracks, ((193, 204), (204, 215)), strict=True):
        for classes, times, longer in (("beat", track.beats, 0), ("bar", track.downbeats, 3)):
            xs = [time.at(it) for it in times if time.low <= it <= time.high]
            is_upper = track.name == "a"
            drawing.strokes(f"{classes} {track.name}", xs, top - longer * is_upper, bottom + longer * (not is_upper))
    drawing.text("end", _LEFT - 10, 208, "beats")


def _gains(drawing: Drawing, tracks: list[_PicturedTrack], time: Scale) -> None:
    scale = Scale(0, 1, 424, 354)
    for value, label in ((0.0, "0"), (1.0, "1")):
        drawing.line("grid", [(_LEFT, scale.at(value)), (_RIGHT, scale.at(value))])
        drawing.text("end", _LEFT - 10, scale.at(value) + 4, label)
    drawing.text("", _LEFT, 341, "of the mids, the bass (dashed) and the highs (dotted)", first="Gain")
    for track in tracks:
        xs = [x / 2 for x in range(2 * _LEFT, 2 * _RIGHT + 1) if track.play.start <= _at(time, x / 2) < track.play.end]
        gains = np.array([_band_gains(track.play, round(_at(time, x))) for x in xs])
        for number, band in enumerate(("bass", "mids", "highs")):
            points = zip(xs, (scale.at(float(it)) for it in gains[:, number]), strict=True)
            drawing.line(f"curve {band} {track.name}", _corners(list(points)))


def _band_gains(play: Play, media_time: int) -> NDArray[np.float32]:
    """Return the gains of low, mid and high at a media time, as shares of the play's own."""
    whole = float(envelope(play, media_time, 1)[0, 0]) / play.gain
    return np.asarray(band_gains(play, media_time, 1)[0] * np.float32(whole))


def _corners(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out points inside of horizontal lines."""
    inner = zip(points, points[1:], points[2:], strict=False)
    return [*points[:1], *(it for before, it, after in inner if not before[1] == it[1] == after[1]), *points[-1:]]


def _loudness(drawing: Drawing, mix: Audio, time: Scale, first: int) -> None:
    """Draw the short-term loudness, each value in the middle of its 3 s."""
    lufs = short_term_lufs(mix)
    times = np.arange(len(lufs)) * HOP + SPAN // 2 + first
    shown = (times >= time.low) & (times <= time.high)
    low, high = np.floor(lufs[shown].min() - 1), np.ceil(lufs[shown].max() + 1)
    scale = Scale(float(low), float(high), 540, 470)
    step = 2 if high - low <= 8 else 4
    for value in range(int(np.ceil(low / step)) * step, int(high) + 1, step):
        drawing.line("grid", [(_LEFT, scale.at(value)), (_RIGHT, scale.at(value))])
        drawing.text("end", _LEFT - 10, scale.at(value) + 4, f"\N{MINUS SIGN}{abs(value)}")
    drawing.text("", _LEFT, 456, "of the mix, LUFS", first="Loudness")
    drawing.line(
        "curve mix", [(time.at(it), scale.at(value)) for it, value in zip(times[shown], lufs[shown], strict=True)]
    )


def _times(drawing: Drawing, time: Scale, excerpt: TransitionExcerpt) -> None:
    for second in range(-5, int(seconds(excerpt.ends + _SHOWN)) + 1, 5):
        x = time.at(samples(second))
        drawing.strokes("grid", (x,), 546, 552)
        drawing.text("mid", x, 566, f"{second} s".replace("-", "\N{MINUS SIGN}"))


def _at(time: Scale, x: float) -> float:
    """Return the media time at a pixel."""
    return time.low + (x - time.start) / (time.end - time.start) * (time.high - time.low)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transition_picture", description=__doc__)
    parser.add_argument("-o", type=Path, required=True, metavar="FILE", dest="output")
    parser.parse_args().output.write_text(asyncio.run(picture()), encoding="utf-8")


if __name__ == "__main__":
    main()
