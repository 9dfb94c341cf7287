"""Threads of folders: one that hangs stops no other, and is not called again and again."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rtc_drift.library.folder_threads import FolderThreads, HungError
from tests.support.waiting import until

DISK, DRIVE = Path("/disk"), Path("/drive")
SOON = 0.02


async def test_a_folder_that_hangs_stops_no_other_and_is_called_again_once_it_answers() -> None:
    threads, answers, calls = FolderThreads(SOON), threading.Event(), list[Path]()

    def look(folder: Path) -> Path:
        calls.append(folder)
        if folder == DRIVE:
            answers.wait()
        return folder

    for _ in range(50):
        with pytest.raises(HungError):
            await threads.run(DRIVE, look, DRIVE)
        with pytest.raises(HungError):
            await threads.check(look, DRIVE)
    threads.answer_seconds = 60
    assert calls == [DRIVE, DRIVE], "one call of each kind is not finished"
    assert threads.hung == [DRIVE]
    assert await threads.run(DISK, look, DISK) == DISK
    assert await threads.check(look, DISK) == DISK

    answers.set()
    await until(lambda: not threads.hung)
    assert await threads.run(DRIVE, look, DRIVE) == DRIVE
    assert await threads.check(look, DRIVE) == DRIVE
    threads.close()


async def test_files_that_hang_leave_the_folder_itself_to_be_checked() -> None:
    threads, answers = FolderThreads(SOON), threading.Event()
    with pytest.raises(HungError):
        await threads.run(DISK, answers.wait)
    threads.answer_seconds = 60
    assert await threads.check(str, DISK) == "/disk"
    answers.set()
    threads.close()


async def test_calls_that_hang_at_once_take_few_threads() -> None:
    threads, answers, begun = FolderThreads(60), threading.Event(), list[int]()

    def look(number: int) -> None:
        begun.append(number)
        answers.wait()

    looking = [asyncio.create_task(threads.run(DRIVE, look, number)) for number in range(40)]
    await until(lambda: len(begun) == 3)
    assert await threads.run(DISK, abs, -1) == 1
    assert len(begun) == 3
    answers.set()
    await asyncio.gather(*looking)
    threads.close()


async def test_a_long_call_goes_on_while_it_gives_signs_of_life() -> None:
    threads, more = FolderThreads(0.5), threading.Event()

    def walk(folder: Path, alive: Callable[[], None]) -> str:
        for _ in range(8):
            more.wait(0.1)
            alive()
        return f"{folder} is walked"

    assert await threads.run_long(DISK, walk) == "/disk is walked"
    with pytest.raises(HungError):
        await threads.run_long(DISK, lambda *_: more.wait())
    more.set()
    threads.close()
