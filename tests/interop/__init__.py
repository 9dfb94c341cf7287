"""WHEP clients that others wrote, on both deliveries: `make interop`."""
