"""Listening to one file from beginning to end. Synchronous and busy for seconds: it runs in a worker process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtc_drift.analysis import Analyser, Analysis
from rtc_drift.audio.decoding import DecodeError, open_audio
from rtc_drift.library.probe import blocks, sentence
from rtc_drift.library.track import Unplayable


def analyse(
    path: Path, *, true_peak_dbtp: float | None = None, alive: Callable[[], None] = lambda: None
) -> Analysis | Unplayable:
    """How a file sounds. Never raises for anything a file can contain. A true peak that is known is not measured.

    `alive` is called at least once per second of audio: proof that it isn't stuck.
    """
    try:
        analyser = Analyser(true_peak_dbtp=true_peak_dbtp)
        with open_audio(path) as file:
            for block in blocks(file):
                analyser.add(block)
                alive()
        return analyser.finish()
    except DecodeError as problem:
        return Unplayable(path=path, reason=str(problem))
    except OSError as error:
        return Unplayable(path=path, reason=sentence(error), passing=True)


def analyse_job(path: str, true_peak_dbtp: float, alive: Callable[[], None]) -> dict[str, Any]:
    """Analyse a file in a worker process. Returns `{"analysis": …}` or `{"unplayable": …}`."""
    result = analyse(Path(path), true_peak_dbtp=true_peak_dbtp, alive=alive)
    return {"analysis" if isinstance(result, Analysis) else "unplayable": result.model_dump()}
