"""ICY metadata: titles between the bytes of a stream, for players that send `Icy-MetaData: 1`."""

METAINT_BYTES = 16_000
"""Bytes of audio from one block of metadata to the next: two thirds of a second of mp3."""
_UNIT_BYTES = 16
_MAX_BYTES = 255 * _UNIT_BYTES


class IcyWriter:
    """The stream of one reader: frames with their titles in, bytes with metadata between them out."""

    def __init__(self) -> None:
        self._left = METAINT_BYTES
        self._sent = ""

    def add(self, data: bytes, title: str) -> bytes:
        """Add a frame during which a title is heard; return it, with the metadata that is due within it."""
        out = bytearray()
        while len(data) >= self._left:
            out += data[: self._left]
            data = data[self._left :]
            out += self._metadata(title)
            self._left = METAINT_BYTES
        self._left -= len(data)
        return bytes(out + data)

    def _metadata(self, title: str) -> bytes:
        if title == self._sent:
            return b"\0"
        self._sent = title
        return metadata(title)


def metadata(title: str) -> bytes:
    """Return a block of metadata with the title: the number of units of 16 bytes, and so many, padded with zeros."""
    plain = "".join(letter if letter.isprintable() else " " for letter in title)
    # A quote would end the text for many players, with or without a semicolon behind it.
    text = plain.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}").encode("utf-8", "replace")
    head, tail = b"StreamTitle='", b"';"
    text = text[: _MAX_BYTES - len(head) - len(tail)].decode("utf-8", "ignore").encode()
    block = head + text + tail
    units = -(-len(block) // _UNIT_BYTES)
    return bytes((units,)) + block.ljust(units * _UNIT_BYTES, b"\0")
