"""A library of 100,000 tracks: makes it, and measures what a server with it costs. Begin with `bench`."""
