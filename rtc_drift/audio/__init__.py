"""Which samples does a file hold, how loud are they, and how do they become a file or a stream again?

May import `media`.
Begin with `decoding`, then `seeking`.
"""

import av.logging

# FFmpeg would print a line for every damaged packet. The decoder counts them instead.
av.logging.set_level(av.logging.PANIC)
