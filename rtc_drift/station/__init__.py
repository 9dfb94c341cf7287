"""Live programmes: the plays of each, the commands that people give, and the events published.

May import: selection, mixing and everything below; not sessions, rendering or api, which use it.
Begin with `station.Station`, which owns the rest; decisions are in `autodj`, pure steps in `programme`.
"""
