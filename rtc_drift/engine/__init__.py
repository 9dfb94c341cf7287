"""The process that must be on time: it turns planned plays into packets, and only carries out plans.

May import `decoder`, `audio` and `media`. No HTTP and no SQL; asyncio only in `host`, which is control's side.
Begin with `core` (messages and ticks in, messages out), then `renderer` (one station) and `fanout` (its listeners).
"""
