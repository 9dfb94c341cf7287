"""What an input reaches: the steps from line to line in the modules of a target, by `sys.settrace`."""

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

Step = tuple[int, int, int]
"""A code object by its place in a list, a line, and the line before it."""


class Coverage:
    """The steps that inputs have reached so far, in modules whose paths have certain ends."""

    def __init__(self, watched: tuple[str, ...]) -> None:
        self.steps = set[Step]()
        self._watched = watched
        self._codes: dict[CodeType, int] = {}
        """Number of each watched code object; -1 for others."""

    def reached(self, call: Callable[[], None]) -> set[Step]:
        """Call a function; return the steps that it reached. Raises what the function raises."""
        found = set[Step]()
        codes = self._codes

        def trace_call(frame: FrameType, _event: str, _arg: Any) -> Callable[..., Any] | None:
            code = frame.f_code
            number = codes.get(code)
            if number is None:
                number = codes[code] = len(codes) if code.co_filename.endswith(self._watched) else -1
            if number < 0:
                return None
            last = 0

            def trace_line(frame: FrameType, event: str, _arg: Any) -> Callable[..., Any]:
                nonlocal last
                if event == "line":
                    line = frame.f_lineno
                    found.add((number, last, line))
                    last = line
                return trace_line

            return trace_line

        before = sys.gettrace()
        sys.settrace(trace_call)
        try:
            call()
        finally:
            sys.settrace(before)
        return found
