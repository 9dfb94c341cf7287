"""Folding of texts, so that accents and capitals make no difference in a search."""

import unicodedata


def folded(text: str) -> str:
    """Return text without capitals and accents, so that `beyonce` finds `Beyoncé` and the other way round.

    A NUL counts as a space. Texts joined by line ends give the same as each alone.
    """
    text = text.replace("\0", " ")
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text.casefold())
    for mark in filter(unicodedata.combining, set(text)):
        text = text.replace(mark, "")
    return text
