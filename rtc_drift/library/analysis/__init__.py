"""How a track sounds: tempo, beats, key, loudness, cues and features, measured from its samples."""
