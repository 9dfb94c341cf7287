"""The media process: decks, mixing, loudness, Opus. No asyncio, no HTTP, no SQL; it executes plans and never asks."""
