"""Every error code with its status and an example of its sentence, for the description of the API."""

from collections.abc import Mapping

ERRORS: Mapping[str, tuple[int, str]] = {
    "bad_body": (400, "The body can't be read."),
    "bad_forwarded": (400, "The header Forwarded is not valid."),
    "bad_host": (400, "The Host header is not valid."),
    "bad_json": (400, "The body is not valid JSON."),
    "bad_offer": (400, "The offer is not valid SDP."),
    "bad_request": (400, "The request is not valid HTTP."),
    "foreign_origin": (403, "Pages of other sites can't send commands."),
    "locked": (403, "Locked. Commands need the control key."),
    "master_protected": (403, "The master session can't be ended."),
    "read_only": (403, "Follower sessions cannot send commands"),
    "listener_not_found": (404, "There is no such listener. It may have ended."),
    "no_cover": (404, "This track has no cover."),
    "no_waveform": (404, "This track is not analysed yet."),
    "not_found": (404, "Not Found: GET /nowhere."),
    "session_not_found": (404, "Session not found"),
    "target_not_found": (404, "Target session not found"),
    "track_not_found": (404, "There is no such track in the library."),
    "method_not_allowed": (405, "Method Not Allowed: PUT /healthz."),
    "body_timeout": (408, "The body took too long."),
    "request_timeout": (408, "The request took too long."),
    "queue_full": (409, "The queue is full (200 tracks)."),
    "session_exists": (409, "A session of that name exists already."),
    "etag_mismatch": (412, "The If-Match header does not match the listener's ETag."),
    "request_entity_too_large": (413, "Request Entity Too Large: POST /api/session/create."),
    "too_large": (413, "The body is larger than 16 KiB."),
    "unsupported_media_type": (415, "The body must be application/json."),
    "expectation_failed": (417, "The server can't do what the request expects."),
    "unknown_host": (421, "This server doesn't know the host name x: to allow it, start it with --allow-host x."),
    "bad_playlist": (422, "options.playlist: is not valid XML."),
    "bad_session_name": (422, "sessionName: up to 63 lower-case letters, digits and hyphens, not a hyphen first."),
    "ice_restart_unsupported": (422, "ICE restarts are not supported. Post a new offer."),
    "invalid_field": (422, "limit: must be a number from 1 to 500."),
    "out_of_track": (422, "positionSeconds: the track is 60.0 seconds long."),
    "unknown_direction": (422, "direction: must be null or one of brighter, darker."),
    "unknown_entry": (422, "entryId: the queue has no such entry, or no longer."),
    "unknown_track": (422, "trackId: there is no such track in the library."),
    "unsupported_offer": (422, "The offer has no Opus codec."),
    "too_many_requests": (429, "Too many sessions were made by links from here. Try again in a minute."),
    "internal_error": (500, "The server failed. Its log has the details."),
    "catalogue_unavailable": (503, "The server can't use its catalogue. See its log."),
    "connection_limit": (503, "Too many connections."),
    "covers_busy": (503, "Too many covers are being read. Try again."),
    "event_reader_limit": (503, "Event stream limit reached."),
    "ice_unavailable": (503, "The server can't send over WebRTC. See its log."),
    "joining_limit": (503, "Too many listeners are joining at this moment. Try again."),
    "listener_limit": (503, "Listener limit reached."),
    "no_audio": (503, "Somebody listens, and no audio is on the air."),
    "no_candidates": (503, "The server has no free address to send from. It may have too many listeners."),
    "not_ready": (503, "The first track is not decoded yet."),
    "nothing_to_play": (503, "No playable track yet."),
    "playlists_busy": (503, "Too many playlists at once. Try again."),
    "search_busy": (503, "Too many searches at once. Try again."),
    "session_limit": (503, "Session limit reached (64)."),
    "too_many_commands": (503, "Too many commands at once. Try again in a moment."),
    "cover_timeout": (504, "The cover could not be read in time."),
}

ANYWHERE = (
    *(
        "bad_forwarded",
        "bad_host",
        "bad_request",
        "method_not_allowed",
        "request_timeout",
        "unknown_host",
        "internal_error",
    ),
    *("connection_limit", "expectation_failed"),
)
"""Errors of every route."""
OF_UNSAFE = (
    *("bad_body", "bad_json", "body_timeout", "foreign_origin", "request_entity_too_large"),
    "unsupported_media_type",
)
"""Errors of every route that changes something."""
OF_SESSIONS = ("session_not_found", "target_not_found")
"""Errors of every route to a session."""
OF_COMMANDS = ("invalid_field", "read_only", "locked", "nothing_to_play", "too_many_commands")
"""Errors of every command."""
