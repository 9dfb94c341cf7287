"""The table of clients in docs/interop.md, made by the tests."""

from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.clients import CLIENTS, Client
from tests.support.deliveries import DELIVERIES

DOCUMENT = Path(__file__).parents[2] / "docs" / "interop.md"
BEGIN, END = "<!-- made by make interop -->\n", "<!-- end -->\n"
HEAD = ("Client", "Version", "From", "Trickles", "Leaves with DELETE", *DELIVERIES)


@dataclass
class Table:
    """Results of a run, by client and delivery."""

    _results: dict[tuple[str, str], str] = field(default_factory=dict)

    def failed(self, client: Client, delivery: str) -> None:
        """Note a client that has not passed yet."""
        self._results[client.name, delivery] = "**fails**"

    def passed(self, client: Client, delivery: str, packets: int) -> None:
        """Note a client that has passed."""
        self._results[client.name, delivery] = f"{packets} packets, none lost"

    def is_whole(self) -> bool:
        """Return True if each client was tried on each delivery, or is missing."""
        tried = {name for name, _ in self._results}
        return all(
            (it.name, delivery) in self._results for it in CLIENTS for delivery in DELIVERIES if it.name in tried
        )

    def write(self) -> None:
        """Put the table into the document."""
        rows = [HEAD, tuple("---" for _ in HEAD), *map(self._row, CLIENTS)]
        text = "".join(f"| {' | '.join(row)} |\n" for row in rows)
        before, _, rest = DOCUMENT.read_text().partition(BEGIN)
        DOCUMENT.write_text(before + BEGIN + text + END + rest.partition(END)[2])

    def _row(self, client: Client) -> tuple[str, ...]:
        if not any(name == client.name for name, _ in self._results):
            return client.name, "", client.where, "", "", *("not tried" for _ in DELIVERIES)
        return (
            *(client.name, client.version(), client.where),
            *("yes" if it else "no" for it in (client.trickles, client.deletes)),
            *(self._results.get((client.name, it), "not tried") for it in DELIVERIES),
        )
