"""Turns: one deck decodes at a time, the emptiest first; a slow one holds up nobody for long."""

import threading
import time

from rtc_drift.decoder import turns as turns_module
from rtc_drift.decoder.turns import Turns


def wait_until_waiting(turns: Turns, count: int) -> None:
    while len(turns._waiting) < count:
        time.sleep(0.001)


def test_the_emptiest_deck_comes_first_and_before_it_those_on_trial() -> None:
    turns, order, free = Turns(lambda: 0.0), list[str](), threading.Event()

    def hold() -> None:
        with turns.turn(0):
            free.wait(10)

    def take(name: str, samples_left: int, is_trial: bool) -> None:
        with turns.turn(samples_left, is_trial=is_trial):
            order.append(name)

    threads = [threading.Thread(target=hold)]
    threads[0].start()
    while turns._present is None:
        time.sleep(0.001)
    for name, samples_left, is_trial in (("full", 900, False), ("empty", 10, False), ("suspect", 2_000, True)):
        threads.append(threading.Thread(target=take, args=(name, samples_left, is_trial)))
        threads[-1].start()
        wait_until_waiting(turns, len(threads) - 1)
    free.set()
    for thread in threads:
        thread.join(10)
    assert order == ["suspect", "empty", "full"]


def test_a_slow_turn_ends_for_the_others_and_one_on_trial_later() -> None:
    now = [0.0]
    turns = Turns(lambda: now[0])
    with turns.turn(0):
        now[0] = turns_module.TURN_SECONDS
        with turns.turn(0, is_trial=True):
            now[0] += turns_module.TRIAL_SECONDS
            with turns.turn(0):
                assert len(turns._waiting) == 0
    assert turns._present is None


def test_a_turn_that_fails_is_given_back() -> None:
    turns = Turns()
    for _ in range(2):
        try:
            with turns.turn(0):
                raise RuntimeError("broken on purpose")
        except RuntimeError:
            assert turns._present is None


def test_one_at_a_time() -> None:
    turns, inside, most = Turns(lambda: 0.0), list[int](), list[int]()

    def work(number: int) -> None:
        for _ in range(20):
            with turns.turn(number):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert max(most) == 1
    assert len(most) == 100
