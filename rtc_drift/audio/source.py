"""An open file as ffmpeg reads it: this process may not be allowed to open files by their names."""

import errno
from typing import BinaryIO


class Source:
    """A file object for PyAV. ffmpeg guesses the format also by its `name`."""

    def __init__(self, file: BinaryIO) -> None:
        self.name = file.name
        self.read, self.tell = file.read, file.tell
        self._seek = file.seek

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place in the file. Return it, or a negative number if there is no such place.

        Damaged files make ffmpeg try such places, and it goes on elsewhere. After an exception it would not.
        """
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError):
            return -errno.EINVAL
