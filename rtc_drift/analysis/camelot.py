"""Keys on the Camelot wheel, by which DJs tell what goes together."""


def camelot(tonic: int, mode: str) -> str:
    """Where a key lies: C major is 8B, A minor 8A. `tonic` is a pitch class, 0 (C) to 11; `mode` major or minor."""
    relative_major = tonic if mode == "major" else tonic + 3
    return f"{(relative_major * 7 + 7) % 12 + 1}{'B' if mode == 'major' else 'A'}"
