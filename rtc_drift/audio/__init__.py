"""Files and streams of sound: decoding, seeking, encoding, loudness, Ogg."""

import av.logging

# FFmpeg would print every damaged packet; what matters of them is counted and reported here.
av.logging.set_level(av.logging.PANIC)
