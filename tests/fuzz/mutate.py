"""Changes of inputs at random: of bytes, of lines, and of lengths."""

import random
from collections.abc import Callable, Sequence

EDGES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 192, 255, 256, 1023, 1024, 32767, 32768, 65535)
"""Numbers at which code changes its mind."""
TEXTS = (
    *(
        b"\0",
        b"\r\n",
        b"\n",
        b" ",
        b"%",
        b"%00",
        b"%ff",
        b"../",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x8e\xb5",
        b"\xef\xbf\xbd",
    ),
    *(b"-1", b"0", b"1e999", b"NaN", b"-Infinity", b"9223372036854775808", b"18446744073709551616", b"4294967296"),
    *(b"null", b"true", b"[]", b"{}", b'""', b"[[[[", b"\\ud800", b"1" * 400),
)
"""Texts that parsers stumble over."""
MAX_CHANGES = 5

Change = Callable[[random.Random, bytearray, bytes, Sequence[bytes]], None]


def mutated(rng: random.Random, data: bytes, other: bytes, tokens: Sequence[bytes], max_bytes: int) -> bytes:
    """Return an input with some changes; parts of `other` and some of `tokens` may come into it."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, MAX_CHANGES)):
        rng.choice(CHANGES)(rng, changed, other, tokens)
    return bytes(changed[:max_bytes])


def _span(rng: random.Random, data: bytes | bytearray, most: int = 64) -> slice:
    """Return a part of the input; short ones are more likely."""
    start = rng.randint(0, len(data))
    return slice(start, min(len(data), start + rng.randint(1, rng.choice((1, 4, 16, most)))))


def _flip(rng: random.Random, data: bytearray, _other: bytes, _tokens: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, data: bytearray, _other: bytes, _tokens: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _set_number(rng: random.Random, data: bytearray, _other: bytes, _tokens: Sequence[bytes]) -> None:
    size = rng.choice((1, 2, 2, 4, 8))
    value = (rng.choice(EDGES) + rng.choice((-1, 0, 0, 1))) % (1 << 8 * size)
    at = rng.randint(0, len(data))
    data[at : at + size] = value.to_bytes(size, rng.choice(("big", "little")))


def _delete(rng: random.Random, data: bytearray, _other: bytes, _tokens: Sequence[bytes]) -> None:
    del data[_span(rng, data, 256)]


def _double(rng: random.Random, data: bytearray, _other: bytes, _tokens: Sequence[bytes]) -> None:
    part = bytes(data[_span(rng, data)])
    at = rng.randint(0, len(data))
    data[at:at] = part * rng.choice((1, 1, 2, 16, 64))


def _insert(rng: random.Random, data: bytearray, _other: bytes, tokens: Sequence[bytes]) -> None:
    at = rng.randint(0, len(data))
    new = rng.choice((tokens or TEXTS, TEXTS))
    data[at:at] = rng.choice(new) if rng.random() < 0.8 else rng.randbytes(rng.choice((1, 4, 16)))


def _replace(rng: random.Random, data: bytearray, _other: bytes, tokens: Sequence[bytes]) -> None:
    data[_span(rng, data, 16)] = rng.choice(rng.choice((tokens or TEXTS, TEXTS)))


def _splice(rng: random.Random, data: bytearray, other: bytes, _tokens: Sequence[bytes]) -> None:
    data[_span(rng, data, 256)] = other[_span(rng, other, 256)]


def _cut(rng: random.Random, data: bytearray, _other: bytes, _tokens: Sequence[bytes]) -> None:
    del data[rng.randint(0, len(data)) :]


def _change_line(rng: random.Random, data: bytearray, other: bytes, _tokens: Sequence[bytes]) -> None:
    """Double, drop, move or borrow a whole line."""
    lines = bytes(data).splitlines(keepends=True)
    if len(lines) < 2:
        return
    at, kind = rng.randrange(len(lines)), rng.randrange(4)
    if kind == 0:
        lines[at:at] = [lines[at]] * rng.choice((1, 2, 40))
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        lines.insert(rng.randrange(len(lines)), lines.pop(at))
    else:
        lines.insert(at, rng.choice(other.splitlines(keepends=True) or [b""]))
    data[:] = b"".join(lines)


def _change_digits(rng: random.Random, data: bytearray, _other: bytes, _tokens: Sequence[bytes]) -> None:
    """Replace a number that is written in digits."""
    digits = [at for at, byte in enumerate(data) if 48 <= byte < 58]
    if digits:
        start = rng.choice(digits)
        end = start
        while end < len(data) and (48 <= data[end] < 58 or data[end] in b".e"):
            end += 1
        data[start:end] = rng.choice((*TEXTS[12:20], str(rng.choice(EDGES)).encode(), str(-rng.choice(EDGES)).encode()))


CHANGES: tuple[Change, ...] = (
    *(_flip, _flip, _set, _set_number, _delete, _double, _insert, _insert, _replace),
    *(_splice, _cut, _change_line, _change_line, _change_digits),
)
