"""Pass 2: analysing one file from beginning to end. Synchronous, and busy for seconds: it runs in a worker process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtc_drift.analysis import Analyser, Analysis
from rtc_drift.audio.decoding import DecodeError, TooMuchMemoryError, open_audio
from rtc_drift.library.probe import large_chunks, read_error_reason
from rtc_drift.library.track import Unplayable


def analyse(
    path: Path, *, true_peak_dbtp: float | None = None, alive: Callable[[], None] = lambda: None
) -> Analysis | Unplayable:
    """Analyse a file. Never raises for anything a file can contain. A given true peak is not measured again.

    Calls `alive` for each 2.5 s of audio, as proof that it isn't stuck.
    """
    try:
        analyser = Analyser(true_peak_dbtp=true_peak_dbtp)
        with open_audio(path) as file:
            for chunk in large_chunks(file):
                analyser.add(chunk)
                alive()
        return analyser.finish()
    except DecodeError as error:
        return Unplayable(path=path, reason=str(error))
    except MemoryError:
        return Unplayable(path=path, reason=str(TooMuchMemoryError()))
    except OSError as error:
        return Unplayable(path=path, reason=read_error_reason(error), temporary=True)


def analyse_job(path: str, true_peak_dbtp: float, alive: Callable[[], None]) -> dict[str, Any]:
    """Analyse a file in a worker process. Return `{"analysis": …}` or `{"unplayable": …}`."""
    result = analyse(Path(path), true_peak_dbtp=true_peak_dbtp, alive=alive)
    return {"analysis" if isinstance(result, Analysis) else "unplayable": result.model_dump()}
