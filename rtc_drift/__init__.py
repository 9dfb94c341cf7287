"""Turns a music library into live programmes and delivers them to browsers over WebRTC."""

__version__ = "0.9.0"
