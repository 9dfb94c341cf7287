"""Landlock, with a kernel that only notes what it is asked."""

import errno
import os
import struct
from pathlib import Path

import pytest

from rtc_drift.workers import landlock


class FakeKernel:
    """A kernel with some version of Landlock, or with an error in its place."""

    def __init__(self, version: int, error: int | None = None) -> None:
        self._version, self._error = version, error
        self.fields: tuple[int, ...] = ()
        self.rules: list[tuple[Path, int]] = []
        self.restricted = False

    def version(self) -> int:
        if self._error is not None:
            raise OSError(self._error, os.strerror(self._error))
        return self._version

    def create_ruleset(self, attributes: bytes) -> int:
        self.fields = struct.unpack(f"={len(attributes) // 8}Q", attributes)
        return os.open("/", os.O_RDONLY)

    def add_rule(self, ruleset: int, attributes: bytes) -> None:
        rights, fd = struct.unpack("=Qi", attributes)
        assert rights & ~self.fields[0] == 0, "a right that is not handled is an error"
        self.rules.append((Path(f"/dev/fd/{fd}").resolve(), rights))

    def restrict_self(self, ruleset: int) -> None:
        self.restricted = True


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        (1, (0x1FFF,)),
        (2, (0x3FFF,)),
        (3, (0x7FFF,)),
        (4, (0x7FFF, 3)),
        (5, (0xFFFF, 3)),
        (6, (0xFFFF, 3, 3)),
        (99, (0xFFFF, 3, 3)),
    ],
)
def test_all_rights_that_a_version_knows_are_given_up(version: int, fields: tuple[int, ...], tmp_path: Path) -> None:
    kernel = FakeKernel(version)
    (file := tmp_path / "file").touch()
    (output := tmp_path / "output").mkdir()
    landlock.restrict([tmp_path, file, tmp_path / "missing"], [output], kernel)
    assert kernel.fields == fields
    assert kernel.restricted
    assert [path for path, _ in kernel.rules] == [tmp_path, file, output]
    assert [rights for _, rights in kernel.rules] == [0b1100, 0b100, landlock.WRITE & fields[0]]


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM])
def test_a_kernel_or_container_without_it_has_version_0(error: int) -> None:
    assert landlock.available_version(FakeKernel(0, error)) == 0
    with pytest.raises(OSError):
        landlock.restrict([], [], FakeKernel(0, error))


def test_another_system_has_version_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert landlock.available_version() == 0


def test_this_system_has_some_version() -> None:
    assert landlock.available_version() >= 0
