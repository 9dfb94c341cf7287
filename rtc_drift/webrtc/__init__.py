"""Control's side of a listener: broadcasts to many readers, ICE addresses, Ogg."""
