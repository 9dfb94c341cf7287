"""Benches: measure a real server in a process of its own and print each figure as a JSON line."""
