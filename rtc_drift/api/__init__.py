"""The only door: HTTP, WHEP, server-sent events, the page. What crosses it is described in `schemas`."""
