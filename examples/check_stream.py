"""Check a running server: audible sound, real stereo, and no packets lost.

.venv/bin/python examples/check_stream.py http://127.0.0.1:8080
"""

import asyncio
import sys

import numpy as np

from rtc_drift.client import Listener
from rtc_drift.media import samples


async def check(url: str) -> bool:
    """Listen for five seconds. Return True if the sound is audible and in stereo, and no packet was lost."""
    async with Listener(url) as listener:
        audio = await listener.read(samples(5))
        stats = await listener.stats()
    left, right = Listener.level_dbfs(audio)
    stereo = float(np.corrcoef(audio[:, 0], audio[:, 1])[0, 1])
    print(f"left {left:.1f} dBFS, right {right:.1f} dBFS, correlation {stereo:.2f}, lost {stats.packets_lost}")
    return min(left, right) > -50 and stereo < 0.999 and stats.packets_lost == 0


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(check(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080")) else 1)
