"""The music there is: scanning, probing and analysing files, tags, the catalogue, and the demo library as a fallback.

May import `demo`, `analysis`, `audio`, `workers` and `media`.
Begin with `library` (the tracks that can be played now), then `scan`, `probe` and `catalogue`.
"""
