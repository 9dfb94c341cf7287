"""Where the music goes: tracks as points in a space of features, directions through it, and steps along them."""
