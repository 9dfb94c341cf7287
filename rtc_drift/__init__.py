"""rtc-drift: a music library that plays itself to browsers over WebRTC."""

__version__ = "0.5.1"
