"""Answers: how do planned plays become packets that leave on time? A process of its own, which only carries out plans.

May import `audio` and `media`. No HTTP and no SQL; asyncio only in `host`, which is control's side.
Begin with `core` (messages and ticks in, messages out), then `renderer` (one station) and `fanout` (its listeners).
"""
