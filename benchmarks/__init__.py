"""Figures of the product, measured on a real server in its own process and printed as JSON lines."""
