"""A target: the code that is fuzzed, the inputs it begins with, and what must hold for any input."""

from collections.abc import Iterable, Sequence

MAX_CHUNKS = 48
"""Most steps of one input."""


class BrokenInvariantError(AssertionError):
    """Something that must hold for every input does not."""


class Target:
    """One thing that is fuzzed. `run` raises for an input that breaks what must hold."""

    name = ""
    watched: tuple[str, ...] = ()
    """Ends of the paths of the modules whose behaviour counts as new."""
    tokens: Sequence[bytes] = ()
    """Bytes that mean something to the code, for mutations."""
    max_bytes = 4096
    """Length of the longest input."""
    cpu_seconds = 0.1
    """Most processor time for one input."""
    memory_bytes = 8 << 20
    """Most memory that Python takes for one input."""
    weight = 1
    """Share of the time, beside those of the other targets."""

    def open(self) -> None:
        """Make what all inputs have in common."""

    def close(self) -> None:
        """Release what `open` made."""

    def seeds(self) -> Iterable[bytes]:
        """Return the inputs to begin with: good ones."""
        return ()

    def run(self, data: bytes) -> None:
        """Give the code one input, and check what must hold. Raises anything if it does not hold."""
        raise NotImplementedError


def require(condition: object, sentence: str) -> None:
    """Raise BrokenInvariantError with a sentence unless a condition holds."""
    if not condition:
        raise BrokenInvariantError(sentence)


def pack(*chunks: bytes) -> bytes:
    """Return an input of several steps: each with its length before it."""
    return b"".join(len(chunk).to_bytes(2, "big") + chunk for chunk in chunks)


def unpack(data: bytes) -> list[bytes]:
    """Return the steps of an input; any bytes are some."""
    chunks = list[bytes]()
    while len(data) > 2 and len(chunks) < MAX_CHUNKS:
        end = 2 + int.from_bytes(data[:2], "big")
        chunks.append(data[2:end])
        data = data[end:]
    return chunks
