"""The soak: one server, 200 listeners and everything that may go wrong, for minutes or for a night.

`python -m benchmarks.soak --minutes 20 --seed 1` observes a real server from outside: by HTTP, by `/proc`, by the
packets that listeners receive, and by its log. Begin with `run` (what happens in which order), then `schedule` (what is
done to the server, and when), `population` (who listens), `measures` (pure functions over what was recorded), `report`.
"""
