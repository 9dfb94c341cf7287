"""Judges Python, its packages, codecs, and the encryption of RTP."""

import re
from collections.abc import Iterable, Mapping

from rtc_drift.doctor.finding import Finding, hint, ok, problem

OLDEST_PYTHON = (3, 11)
DECODERS = {"opus", "vorbis", "flac", "mp3", "aac", "alac", "wmav2", "pcm_s16le", "pcm_s24le"}
"""Decoders for all kinds of files that a library may have."""
ENCODERS = {"libopus", "flac"}
"""Encoders for what is sent, and for stretched intros."""
_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)\s*(?:>=\s*([0-9.]+))?")


def python(version: tuple[int, int, int]) -> Finding:
    """Judge the version of Python."""
    shown = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        return problem("Python", f"{shown} is too old: install Python 3.11 or newer.")
    return ok("Python", shown)


def packages(requirements: Iterable[str], installed: Mapping[str, str | None]) -> Finding:
    """Judge the versions of packages; None stands for one that is missing or can't be loaded."""
    names, bad = list[str](), list[str]()
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None or "extra ==" in requirement:
            continue
        name, least, version = match[1], match[2] or "0", installed.get(match[1])
        names.append(name)
        if version is None:
            bad.append(f"{name} is missing or can't be loaded")
        elif _numbers(version) < _numbers(least):
            bad.append(f"{name} {version} is older than {least}")
    if bad:
        return problem("packages", f"{'; '.join(bad)}. Install rtc-drift anew in a virtual environment of its own.")
    return ok("packages", f"{len(names)} of {len(names)}")


def codecs(decoders: Iterable[str], encoders: Iterable[str]) -> Finding:
    """Judge what FFmpeg inside PyAV can decode and encode."""
    no_encoders, no_decoders = sorted(ENCODERS - set(encoders)), sorted(DECODERS - set(decoders))
    if no_encoders:
        return problem("codecs", f"PyAV can't encode {', '.join(no_encoders)}: install the wheel of av from PyPI.")
    if no_decoders:
        return hint("codecs", f"PyAV can't decode {', '.join(no_decoders)}: such files will not be played.")
    return ok("codecs", f"PyAV decodes {', '.join(sorted(DECODERS))}")


def srtp(failure: str | None) -> Finding:
    """Judge the encryption of RTP, from what went wrong when it was tried."""
    if failure is not None:
        return problem("libsrtp", f"It does not work ({failure}): install the wheel of pylibsrtp from PyPI.")
    return ok("libsrtp", "encrypts")


def shared_port(reason: str | None) -> Finding:
    """Judge whether all listeners can share one UDP port."""
    if reason is not None:
        return hint("one UDP port", f"Every listener needs a port of its own, and more CPU: {reason}.")
    return ok("one UDP port", "all WebRTC listeners can share it")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.split("+")[0])[:3])
