"""Files and streams of sound: decoding, seeking, encoding, loudness, Ogg."""
