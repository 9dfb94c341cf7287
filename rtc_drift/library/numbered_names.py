"""Names with numbers, so that rows can be compared by number."""


class NumberedNames:
    """A number for each name, counted from 0; −1 for the empty name."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.names: list[str] = []
        """The names for people, by number."""

    def number_of(self, key: str, name: str) -> int:
        """Return the number of a key, a new one if it is new. `name` is for people."""
        if not key:
            return -1
        number = self._numbers.setdefault(key, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number
