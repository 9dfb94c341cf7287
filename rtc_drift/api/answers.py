"""Models as answers."""

from aiohttp import web

from rtc_drift.station.events import Wire


def model_response(model: Wire, status: int = 200) -> web.Response:
    """A model as JSON in camelCase."""
    return web.Response(text=model.model_dump_json(by_alias=True), content_type="application/json", status=status)
