"""A programme as a file: what a server would play with this seed, library and commands, rendered faster than real time.

May import `station`, `engine` and rooms below; not `api` or `cli`.
Begin with `render_programme` in `render`; `output`, `cue_sheet` and `report` are the files that come out of it.
"""

from rtc_drift.rendering.memory_library import MemoryLibrary
from rtc_drift.rendering.render import render_programme
from rtc_drift.rendering.render_log import RenderLog
from rtc_drift.rendering.script import ScriptedCommand

__all__ = ["MemoryLibrary", "RenderLog", "ScriptedCommand", "render_programme"]
