"""The choice of the next track, and the reason for it.

May import `library`, `stretching`, `analysis` and rooms below; not `mixing` or `station`.
Begin with `choose_next_track` in `next_track`, then `ranking` and `directions`.
"""
