"""The outline of a track for pictures: how loud it is from moment to moment."""

import math
from collections.abc import Sequence

from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError
from rtc_drift.api.library import track_of
from rtc_drift.api.schemas import Waveform, model_response

MAX_PEAKS = 2_000
"""Most values of a waveform."""
LOUDNESS_SECONDS = 0.4
"""Time for which an analysis holds one momentary loudness."""
LOUDEST = 255
SILENCE_LUFS = -70.0
"""Loudness of silence: nothing softer counts as the loudest moment."""


async def waveform(request: web.Request) -> web.Response:
    """GET /api/tracks/{id}/waveform: the outline of a track; 404 until it is analysed."""
    track = track_of(request)
    analysis = await context(request).library.analyses.read(track.id)
    if analysis is None or not analysis.momentary_lufs:
        raise ApiError(404, "no_waveform", "This track is not analysed yet.")
    response = model_response(waveform_of(analysis.momentary_lufs))
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def waveform_of(momentary_lufs: Sequence[float]) -> Waveform:
    """Return momentary loudness as amplitudes of 8 bits: 255 for the loudest moment, half of it for 6 LU less.

    Where there are too many, each value is the loudest of several.
    """
    grouped = math.ceil(len(momentary_lufs) / MAX_PEAKS)
    loudest = max(SILENCE_LUFS, *momentary_lufs)
    peaks = [
        round(LOUDEST * 10 ** ((max(momentary_lufs[start : start + grouped]) - loudest) / 20))
        for start in range(0, len(momentary_lufs), grouped)
    ]
    return Waveform(peaks_per_second=1 / (LOUDNESS_SECONDS * grouped), peaks=peaks)
