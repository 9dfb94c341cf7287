"""What happens now in each live programme, what people ask of it, and what is published about it.

May import: selection, mixing and everything below; not sessions, rendering or api, which use it.
Begin with `station.Station`, which owns the rest; decisions are in `autodj`, pure steps in `programme`.
"""
