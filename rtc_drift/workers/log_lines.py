"""The lines of the log, the same in all processes: text, or one JSON object a line."""

import json
import logging
import os
from datetime import UTC, datetime

FORMAT_VARIABLE = "RTC_DRIFT_LOG_FORMAT"
"""Environment variable that tells child processes how their parent logs."""


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message, and the exception if there is one."""

    def __init__(self, process: str) -> None:
        """Format the records of a process of this name."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": self._process,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line, ensure_ascii=False)


def log_to_stderr(level: str, process: str, text_format: str) -> None:
    """Log to stderr from now on: as JSON if the environment says so, else as text of that format."""
    handler = logging.StreamHandler()
    is_json = os.environ.get(FORMAT_VARIABLE) == "json"
    handler.setFormatter(JsonLines(process) if is_json else logging.Formatter(text_format))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.captureWarnings(is_json)
