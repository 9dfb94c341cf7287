"""`rtc-drift render --ab A B -o FILE`: a transition of two files, planned and as a plain crossfade."""

import json
import secrets
import sys
import tempfile
from pathlib import Path

from rtc_drift.cli.analysed_file import analysed_file
from rtc_drift.config import ConfigError
from rtc_drift.library.normalisation import Normalisation
from rtc_drift.library.track import Track, legible
from rtc_drift.media import seconds
from rtc_drift.mixing import MixTrack, plan_transition
from rtc_drift.rendering.blind_test import Pair, Versions, key_of, render_versions, shuffled
from rtc_drift.rendering.output import BadOutputError, Output
from rtc_drift.rendering.report import TransitionRecord
from rtc_drift.selection.choice import Choice
from rtc_drift.station import programme as steps
from rtc_drift.station.programme import Programme
from rtc_drift.station.stretched_ends import stretched_ends
from rtc_drift.stretching.lead_cache import LeadCache, WorkerLeadRenderer
from rtc_drift.workers.pool import WorkerError, Workers


async def blind_test(files: tuple[Path, Path], output: Path, *, loudness: float, seed: int | None) -> int:
    """Analyse both files, plan, render and write. Returns the exit code. Raises ConfigError."""
    seed = secrets.randbits(32) if seed is None else seed
    first, second = (path.expanduser().absolute() for path in files)
    try:
        with Output(output) as written, tempfile.TemporaryDirectory(prefix="rtc-drift-") as folder:
            async with Workers(2, reads=[first, second]) as workers:
                outgoing, incoming = await _read(workers, first), await _read(workers, second)
                planned = await _planned(outgoing, incoming, loudness, Path(folder), workers)
            versions = shuffled(planned, _crossfade(outgoing, incoming, loudness), seed)
            for audio in render_versions(versions):
                written.write(audio)
            written.finish({".json": _key(versions, outgoing.track, incoming.track, seed)})
    except BadOutputError as error:
        raise ConfigError(f"-o: {error}") from None
    except (WorkerError, _UnreadableError) as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"rtc-drift: {output} can't be written ({error.strerror or error}).", file=sys.stderr)
        return 1
    print(f"{output}: the same transition twice; {output.with_suffix('.json')} tells which is which.", file=sys.stderr)
    return 0


class _UnreadableError(Exception):
    """A file that can't be mixed; the message is one sentence."""


async def _read(workers: Workers, path: Path) -> MixTrack:
    result = await analysed_file(workers, path)
    if isinstance(result, str):
        raise _UnreadableError(f"{legible(path)}: {result}")
    return MixTrack(*result)


async def _planned(outgoing: MixTrack, incoming: MixTrack, loudness: float, folder: Path, workers: Workers) -> Pair:
    """Return both entries as the DJ would plan them, with what has to be stretched in `folder`."""
    begun = _begun(outgoing, loudness)
    transition = plan_transition(outgoing, incoming, begun.plays[0].offset + 2)
    leads = LeadCache(WorkerLeadRenderer(workers), folder)
    try:
        ends = await stretched_ends(leads, outgoing.track, incoming.track, transition)
    finally:
        await leads.close()
    if ends is None:
        raise _UnreadableError("The tempo of a file can't be changed.")
    stretched = ends.lead(transition), ends.lead_out(transition)
    return _pair(steps.plan_next(begun, Choice(incoming.track, ""), 1, 2, transition, *stretched))


def _crossfade(outgoing: MixTrack, incoming: MixTrack, loudness: float) -> Pair:
    return _pair(steps.plan_next(_begun(outgoing, loudness), Choice(incoming.track, ""), 1, 2))


def _begun(outgoing: MixTrack, loudness: float) -> Programme:
    return steps.begin(Programme(normalisation=Normalisation(loudness)), Choice(outgoing.track, ""), 0)


def _pair(programme: Programme) -> Pair:
    first, second = programme.entries
    return first, second


def _key(versions: Versions, outgoing: Track, incoming: Track, seed: int) -> str:
    """Return the key of the test as JSON."""
    heard = [
        {
            "version": it.version,
            "startsAtSeconds": round(seconds(it.starts_at), 3),
            "transitionAtSeconds": round(seconds(it.transition_at), 3),
            "transition": TransitionRecord.of(it.transition).model_dump(mode="json", by_alias=True),
        }
        for it in key_of(versions)
    ]
    files = {"outgoing": legible(outgoing.path), "incoming": legible(incoming.path)}
    return json.dumps({**files, "seed": seed, "heard": heard}, ensure_ascii=False, indent=1) + "\n"
