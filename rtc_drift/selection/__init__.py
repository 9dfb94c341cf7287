"""Answers one question: which track comes next, and why?

May import `library` and lower rooms, of those mainly `analysis`. Must not import `mixing`, `station` or higher rooms.
Begin reading with `choose_next_track` in `next_track.py`.
"""
