"""What music is there: scanning, tags, loudness, the catalogue, and the demo library."""
