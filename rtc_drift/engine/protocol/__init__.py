"""What crosses between control and engine: plays, the tick clock, messages, and their bytes."""
