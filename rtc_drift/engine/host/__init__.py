"""Control's side of the engine: it starts engines, exchanges messages with them, and replaces one that dies.

May import `engine/protocol`, and asyncio, because it runs in control.
Begin with `pool` (all engines), then `supervisor` (one of them).
"""
