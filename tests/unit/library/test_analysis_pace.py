"""The time that the analysis of the library takes."""

import logging

import pytest

from rtc_drift.library.analysis_pace import AnalysisPace, ProgressLog, duration_text


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_follows_the_latest_analyses() -> None:
    clock = Clock()
    pace = AnalysisPace(clock)
    pace.start()
    assert pace.seconds_left(0) == 0 and pace.seconds_left(100) is None
    for _ in range(100):
        clock.now += 10
        pace.count()
    assert pace.seconds_left(100) == pytest.approx(1_000)
    for _ in range(60):
        clock.now += 2
        pace.count()
    assert pace.seconds_left(100) == pytest.approx(200), "only the latest count"
    clock.now += 100
    assert pace.seconds_left(100) == pytest.approx(400), "a pause is part of the pace"


def test_the_progress_is_told_at_first_and_then_every_hour(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = ProgressLog(clock)
    with caplog.at_level(logging.INFO):
        for _ in range(120):
            if progress.is_due:
                progress.tell(3_120, 100_000, 9 * 3_600)
            clock.now += 60
    assert (
        caplog.messages == ["3,120 of 100,000 tracks are analysed; the others take about 9 h, playing meanwhile."] * 2
    )


def test_little_work_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ProgressLog().tell(1, 20, 40)
    assert not caplog.messages


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "less than a minute"),
        (59, "less than a minute"),
        (61, "about 1 min"),
        (5_399, "about 90 min"),
        (5_400, "about 2 h"),
        (9 * 3_600 + 60, "about 9 h"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
