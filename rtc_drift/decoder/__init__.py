"""Decodes the files of all decks of one engine, in a process that may die at any time without being heard.

May import `audio`, `media` and `workers`. The engine imports only `ring` and `messages`.
Begin with `ring` (the memory that both processes share), then `__main__` (the process).
"""
