"""Control's side of the engine: starting its processes, talking to them, replacing one that dies."""
