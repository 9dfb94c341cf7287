"""The beginning of a track at another tempo, at the same pitch: a stretched intro, *lead* in code.

May import `audio`, `media` and `workers`. Only `lead_cache` and `write_lead` do I/O.
Begin with `warp` (the tempo map), then `vocoder` (the audio), `write_lead` (a file) and `lead_cache` (all files).
"""
