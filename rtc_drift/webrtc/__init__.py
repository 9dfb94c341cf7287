"""The way of a programme to a browser: SDP, ICE, DTLS, SRTP keys and RTCP, on the shared UDP port or over aiortc.

May import `tracks`, `engine`, `config`, `media` and other rooms below it; knows no session, no station and no HTTP.
Begin with `peer` (what signaling uses), then `shared_port_peer` (one listener) and `shared_port` (all of them).
"""
