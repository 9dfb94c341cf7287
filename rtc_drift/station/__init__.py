"""Which track, when, and how one gives way to the next: pure functions on analysis results, no I/O and no clock."""
