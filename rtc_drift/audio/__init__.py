"""Files and streams of sound: decoding, seeking, loudness, encoding, Ogg.

May import `media` and `workers`.
Begin with `decoding`, then `seeking`.
"""

import av.logging

# FFmpeg would print a line for every damaged packet. The decoder counts them instead.
av.logging.set_level(av.logging.PANIC)
