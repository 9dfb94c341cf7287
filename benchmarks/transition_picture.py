"""A picture of a beat-matched transition as it was rendered: `python -m benchmarks.transition_picture -o docs/transition.svg`.

Of the demo library, or of the folder that RTC_DRIFT_BENCH_MUSIC names.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scanned_library import collected
from benchmarks.transition_measures import first_heard, mixed
from benchmarks.planned_programme import AROUND, Bend, Joint, journey
from benchmarks.svg import Drawing, Scale, themed
from rtc_drift.engine.fades import envelope
from rtc_drift.engine.protocol.plays import Fade, Play
from rtc_drift.media import SAMPLE_RATE, Audio, samples, seconds
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.rendering.offline_timeline import patient_deck
from tests.measures.loudness import HOP, SPAN, short_term_lufs
from tests.measures.parts import Part, parts_of, sources_of

_TRANSITIONS = 60
_SHOWN = samples(8.0)
"""Before and after the overlap."""
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
    ".curve{stroke-width:2}.bass{stroke-dasharray:5 4;stroke-width:1.5}.mix{stroke:var(--ink)}"
)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of both tracks: `a` goes, `b` comes."""

    name: str
    play: Play
    title: str
    source: Audio
    """As long as the mix, level and tempo as they are played, but without fades."""
    part: Audio
    """What is heard of it."""
    beats: NDArray[np.float64]
    """Media times."""
    downbeats: NDArray[np.float64]


async def picture() -> str:
    """The SVG."""
    async with collected() as collection:
        with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
            planned = journey(collection, 1, Path(folder), transitions=_TRANSITIONS)
            bent = [it for it in planned.joints if _is_telling(it, collection)]
            joint = max(bent, key=lambda it: (abs(it.transition.ratio - 1), it.names))
            for path, bend in planned.leads(joint):
                bend.render(path)
            return _drawn(joint, planned.bends, collection)


def _is_telling(joint: Joint, collection: MemoryLibrary) -> bool:
    """Whether a tempo is bent, and each beat meets one."""
    tempi = [heard.tempo_bpm for it in (joint.outgoing, joint.incoming) if (heard := collection.analysis(it.track_id))]
    return joint.transition.needs_lead and None not in tempi and 0.8 < (tempi[0] or 1) / (tempi[1] or 1) < 1.25


def _drawn(joint: Joint, bends: dict[str, Bend], collection: MemoryLibrary) -> str:
    first = first_heard(joint)
    count = min(joint.ends + AROUND, joint.incoming.end) - first
    mix = mixed(joint, first, count)
    sides = list(_sides(joint, first, count, bends, collection))
    time = Scale(-_SHOWN, joint.ends + _SHOWN, _LEFT, _RIGHT)
    drawing = Drawing(_WIDTH, 588, f"How {joint.names.replace('→', 'gives way to')}", themed(_LIGHT, _DARK) + _STYLE)
    drawing.add("rect", "paper", x=0.5, y=0.5, width=_WIDTH - 1, height=587, rx=10)
    begins, ends = time.at(0), time.at(joint.ends)
    drawing.add("rect", "both", x=begins, y=72, width=ends - begins, height=474)
    _headline(drawing, joint)
    for side, top in zip(sides, (84, 214), strict=True):
        _wave(drawing, side, time, first, top)
    _beats(drawing, sides, time)
    _gains(drawing, sides, time)
    _loudness(drawing, mix, time, first)
    _times(drawing, time, joint)
    drawing.strokes("edge", (begins, ends), 72, 546)
    return str(drawing)


def _sides(joint: Joint, first: int, count: int, bends: dict[str, Bend], collection: MemoryLibrary) -> Iterator[_Side]:
    plays = (joint.outgoing, joint.incoming)
    sources = sources_of(plays, patient_deck, first, count)
    parts = parts_of(plays, patient_deck, first, count)

    def placed(some: list[Part], play: Play) -> Audio:
        return next(part for part in some if part.play == play.id).placed(count)

    for name, play in zip("ab", plays, strict=True):
        heard, track = collection.analysis(play.track_id), collection.get(play.track_id)
        assert heard is not None
        assert track is not None
        bend = bends[play.lead.path] if play.lead is not None else None
        beats, downbeats = (_media_times(play, bend, it) for it in (heard.beats_seconds, heard.downbeats_seconds))
        yield _Side(name, play, track.title, placed(sources, play), placed(parts, play), beats, downbeats)


def _media_times(play: Play, bend: Bend | None, positions: tuple[float, ...]) -> NDArray[np.float64]:
    """When moments of a file (seconds) are heard, bent as it is; those within the play."""
    times = []
    for position in (at * SAMPLE_RATE for at in positions):
        if bend is not None and position < bend.warp.resumes_at:
            times.append(play.start + bend.warp.output_at(position))
        else:
            times.append(play.start + position - play.offset)
    return np.array([time for time in times if play.start - HOP / 10 <= time <= play.end])


def _headline(drawing: Drawing, joint: Joint) -> None:
    plan = joint.transition
    drawing.text("title", 24, 34, joint.names)
    how = f"{'faster' if plan.ratio > 1 else 'slower'}, then back to its own tempo within {seconds(plan.glide):.0f} s"
    told = f"Beat-matched over {plan.bars} bars; the incoming track {abs(plan.ratio - 1):.1%} {how}"
    drawing.text("", 24, 55, told.replace("%", "\N{NARROW NO-BREAK SPACE}%", 1))


def _wave(drawing: Drawing, side: _Side, time: Scale, first: int, top: float) -> None:
    """Peaks per pixel: what is in the file, and what is heard of it."""
    middle, half = top + 54, 48
    loudest = float(np.abs(side.source).max())
    height = Scale(-loudest, loudest, middle + half, middle - half)
    for looks, audio in (("bare", side.source), ("wave", side.part)):
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
            drawing.area(f"{looks} {side.name}", upper[some_of] + lower[some_of][::-1])
    if side.name == "a":
        drawing.text("a", _LEFT, top + 4, f"{side.title} goes")
    else:  # where it is not heard yet
        drawing.text("b end", time.at(side.play.start) - 12, middle + 4, f"{side.title} comes")


def _beats(drawing: Drawing, sides: list[_Side], time: Scale) -> None:
    """Those of the one above those of the other, so that one sees whether they meet."""
    for side, (top, bottom) in zip(sides, ((193, 204), (204, 215)), strict=True):
        for looks, times, longer in (("beat", side.beats, 0), ("bar", side.downbeats, 3)):
            xs = [time.at(it) for it in times if time.low <= it <= time.high]
            is_upper = side.name == "a"
            drawing.strokes(f"{looks} {side.name}", xs, top - longer * is_upper, bottom + longer * (not is_upper))
    drawing.text("end", _LEFT - 10, 208, "beats")


def _gains(drawing: Drawing, sides: list[_Side], time: Scale) -> None:
    scale = Scale(0, 1, 424, 354)
    for value, told in ((0.0, "0"), (1.0, "1")):
        drawing.line("grid", [(_LEFT, scale.at(value)), (_RIGHT, scale.at(value))])
        drawing.text("end", _LEFT - 10, scale.at(value) + 4, told)
    drawing.text("", _LEFT, 341, "and bass (dashed)", first="Gain")
    for side in sides:
        xs = [x / 2 for x in range(2 * _LEFT, 2 * _RIGHT + 1) if side.play.start <= _at(time, x / 2) < side.play.end]
        gains = [float(envelope(side.play, round(_at(time, x)), 1)[0, 0]) / side.play.gain for x in xs]
        shares = [_bass(side.play, _at(time, x)) for x in xs]
        drawing.line(f"curve {side.name}", [(x, scale.at(it)) for x, it in zip(xs[::2], gains[::2], strict=True)])
        drawing.line(f"curve bass {side.name}", _corners([(x, scale.at(it)) for x, it in zip(xs, shares, strict=True)]))


def _bass(play: Play, media_time: float) -> float:
    def gone(fade: Fade) -> float:
        return min(max((media_time - fade.start) / fade.length, 0.0), 1.0)

    return (gone(play.bass_in) if play.bass_in else 1.0) * (1 - gone(play.bass_out) if play.bass_out else 1.0)


def _corners(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without those in the midst of level lines."""
    inner = zip(points, points[1:], points[2:], strict=False)
    return [*points[:1], *(it for before, it, after in inner if not before[1] == it[1] == after[1]), *points[-1:]]


def _loudness(drawing: Drawing, mix: Audio, time: Scale, first: int) -> None:
    """Each value in the middle of the 3 s that it is about."""
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


def _times(drawing: Drawing, time: Scale, joint: Joint) -> None:
    for second in range(-5, int(seconds(joint.ends + _SHOWN)) + 1, 5):
        x = time.at(samples(second))
        drawing.strokes("grid", (x,), 546, 552)
        drawing.text("mid", x, 566, f"{second} s".replace("-", "\N{MINUS SIGN}"))


def _at(time: Scale, x: float) -> float:
    """The media time at a pixel."""
    return time.low + (x - time.start) / (time.end - time.start) * (time.high - time.low)


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transition_picture", description=__doc__)
    parser.add_argument("-o", type=Path, required=True, metavar="FILE", dest="output")
    parser.parse_args().output.write_text(asyncio.run(picture()), encoding="utf-8")


if __name__ == "__main__":
    main()
