"""The messages between control and engine: plays, the tick clock, messages, and their bytes.

May import `media`; does no I/O and reads no clock.
Begin with `messages`, then `plays` and `clock`; `codec` turns messages into bytes.
"""
