"""A programme rendered offline, faster than real time: what the server would play with the same seed."""

from rtc_drift.rendering.memory_library import MemoryLibrary
from rtc_drift.rendering.render import render_programme
from rtc_drift.rendering.render_log import RenderLog
from rtc_drift.rendering.script import ScriptedCommand

__all__ = ["MemoryLibrary", "RenderLog", "ScriptedCommand", "render_programme"]
