"""The log as JSON: one object a line, whatever is logged."""

import json
import logging
import sys
from datetime import datetime

import pytest

from rtc_drift.cli.logs import log
from rtc_drift.workers import log_lines
from rtc_drift.workers.sandbox import environment


def test_each_record_is_one_object_with_its_exception() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        error = sys.exc_info()
    record = logging.LogRecord("a.b", logging.ERROR, __file__, 1, "“%s”\n\x00", ("é",), error)
    line = log_lines.JsonLines("engine").format(record)
    assert "\n" not in line
    fields = json.loads(line)
    assert datetime.fromisoformat(fields.pop("time")).tzinfo is not None
    assert fields.pop("exception").endswith("ValueError: two\nlines")
    assert fields == {"level": "error", "logger": "a.b", "message": "“é”\n\x00", "process": "engine"}


@pytest.mark.parametrize("format_", ["text", "json"])
def test_child_processes_log_the_same_way(format_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = dict[str, list[logging.Handler]]()
    monkeypatch.setenv(log_lines.FORMAT_VARIABLE, "")
    monkeypatch.setattr("logging.basicConfig", lambda **options: given.update(handlers=options["handlers"]))
    monkeypatch.setattr("logging.captureWarnings", lambda _: None)
    monkeypatch.setattr("logging.Logger.setLevel", lambda *_: None)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    log("info", format_)  # type: ignore[arg-type]
    assert isinstance(given["handlers"][0].formatter, log_lines.JsonLines) == (format_ == "json")
    assert environment({})[log_lines.FORMAT_VARIABLE] == format_
