"""Everything that can be asked over HTTP: commands, sessions, WHEP, streams, the library, the page, health.

May import everything below; nothing imports it but `app`. The only room with aiohttp, besides `app` and `client`.
Begin with the table in `routes`; bodies and answers are models in `schemas`, `station.requests` and `station.views`.
"""
