"""The loop of the fuzzer: it gets deeper by what it keeps, and reports what breaks, takes too long or too much."""

import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.fuzz import corpus
from tests.fuzz.loop import Find, Loop
from tests.fuzz.mutate import mutated
from tests.fuzz.one import FILE_BYTES, Present, read_present
from tests.fuzz.target import Target, pack, unpack


class Planted(Target):
    """Code with a fault behind four conditions."""

    name = "planted"
    watched = (Path(__file__).name,)
    tokens = (b"f", b"u", b"z")
    cpu_seconds = 5.0

    def __init__(self, fault: Callable[[], object]) -> None:
        self.fault = fault

    def seeds(self) -> Iterable[bytes]:
        return [b"harmless"]

    def run(self, data: bytes) -> None:
        for at, byte in enumerate(b"fuz"):
            if data[at : at + 1] != bytes([byte]):
                return self.give_up(at)
        self.fault()
        return None

    def give_up(self, at: int) -> None:
        if at == 0:
            return
        if at == 1:
            return


def fail() -> None:
    raise ArithmeticError("Here it is.")


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "CORPUS", tmp_path / "corpus")


def finds_of(target: Target, loop: Loop | None = None) -> list[Find]:
    found = list[Find]()
    for find in (loop or Loop(target, 1)).run_for(20):
        found.append(find)
        break
    return found


def test_a_fault_behind_conditions_is_found_by_what_is_kept() -> None:
    (find,) = finds_of(Planted(fail))
    assert find.data[:3] == b"fuz"
    assert find.error == "ArithmeticError: Here it is."
    assert "in fail" in find.trace
    kept = corpus.inputs("planted")
    assert {data[:1] for data in kept} >= {b"f"}
    assert len(kept) <= 6, "only those that reached something new"


def test_what_takes_too_much_memory_is_found() -> None:
    target = Planted(lambda: print(end="" if bytearray(1 << 24) else "x"))
    (find,) = finds_of(target)
    assert "8 MiB of memory" in find.error


def test_what_takes_too_long_is_found() -> None:
    target = Planted(lambda: print(end="" if sum(range(200_000)) else "x"))
    target.cpu_seconds = 0.0005
    (find,) = finds_of(target)
    assert "processor time" in find.error
    assert find.data[:3] == b"fuz"


def test_the_same_seed_makes_the_same_inputs() -> None:
    def inputs(seed: int) -> list[bytes]:
        seen = list[bytes]()
        loop = Loop(Planted(fail), seed, seen.append)
        for _ in loop.run_for(0):
            pass
        return [*seen, *(loop._changed() for _ in range(50))]

    assert inputs(1) == inputs(1) != inputs(2)


def test_mutations_respect_the_bound() -> None:
    rng = random.Random(1)
    for _ in range(2_000):
        assert len(mutated(rng, bytes(90), b"other\r\nlines\r\n", (b"token",), 100)) <= 100


def test_tracing_ends_with_the_loop() -> None:
    before = sys.gettrace()
    finds_of(Planted(fail))
    assert sys.gettrace() is before


def test_steps_survive_packing_and_any_bytes_are_steps() -> None:
    assert unpack(pack(b"one", b"", b"three")) == [b"one", b"", b"three"]
    assert unpack(b"\xff\xffrest") == [b"rest"]
    assert unpack(b"\0") == []


def test_the_present_input_is_known_after_a_crash(tmp_path: Path) -> None:
    file = tmp_path / "present"
    file.write_bytes(bytes(FILE_BYTES))
    present = Present(file)
    present.write(b"first, longer")
    present.write(b"second")
    assert read_present(file) == (2, b"second")
    present.write(bytes(FILE_BYTES))
    assert len(read_present(file)[1]) < FILE_BYTES
