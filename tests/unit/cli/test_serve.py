"""`rtc-drift serve`: the limits and the priority of its process."""

import os
import resource

import pytest

from rtc_drift.cli import serve


def test_the_descriptor_limit_is_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
        serve._raise_descriptor_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_higher_priority_is_requested_and_a_refusal_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    requested = []

    def refuse(*arguments: int) -> None:
        requested.append(arguments)
        raise PermissionError

    monkeypatch.setattr("os.setpriority", refuse)
    serve._raise_priority()
    assert requested == [(os.PRIO_PROCESS, 0, -5)]
