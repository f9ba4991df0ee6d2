"""Row files in the making: rows of any doctypes in, objects of about ROW_FILE bytes out.

Where they are cut depends on the rows alone, never on when a call had to stop: lines that wait for others are part of
the checkpoint.
"""

from collections.abc import Iterator, Mapping

import msgspec

from waybill.domain import import_keys
from waybill.domain.options import MEBIBYTE
from waybill.ports import ObjectStore

ROW_FILE = 4 * MEBIBYTE
"""Bytes that are gathered, of all doctypes together, before they are stored."""

UNKNOWN_RANK = 999
"""The rank of doctypes that the catalog does not have: their rows fail, behind all others."""


class RowFilesState(msgspec.Struct):
    """Where row files stand: the next number, and the lines that wait, of each run ``<doctype>/<turn>``."""

    numbers: dict[str, int] = {}
    waiting: dict[str, bytes] = {}


class RowFiles:
    """Takes in lines of rows (``intake.row_file``). ``ranks`` are those of the catalog's doctypes."""

    def __init__(
        self,
        archives: ObjectStore,
        import_id: str,
        ranks: Mapping[str, int],
        state: RowFilesState,
        *,
        target: int = ROW_FILE,
    ) -> None:
        self._archives = archives
        self._import_id = import_id
        self._ranks = ranks
        self._target = target
        self._numbers = dict(state.numbers)
        self._waiting = {run: bytearray(lines) for run, lines in state.waiting.items()}
        self._size = sum(map(len, self._waiting.values()))

    def add(self, doctype: str, turn: int, line: bytes) -> None:
        """Take in a line. Stores all that waits once that is enough."""
        self._waiting.setdefault(f"{doctype}/{turn}", bytearray()).extend(line)
        self._size += len(line)
        if self._size >= self._target:
            self.flush()

    def flush(self) -> None:
        """Store all that waits."""
        for run in sorted(self._waiting):
            number = self._numbers.get(run, 0)
            self._archives.put(self._key(run, number), bytes(self._waiting.pop(run)))
            self._numbers[run] = number + 1
        self._size = 0

    @property
    def numbers(self) -> dict[str, int]:
        """The next number of each run."""
        return dict(self._numbers)

    def state(self) -> RowFilesState:
        """Return what another one needs to go on."""
        return RowFilesState(dict(self._numbers), {run: bytes(lines) for run, lines in self._waiting.items()})

    def go_back(self, numbers: Mapping[str, int]) -> None:
        """Drop all that waits, and all that was stored since the numbers were these."""
        self._waiting.clear()
        self._size = 0
        for run, end in self._numbers.items():
            for number in range(numbers.get(run, 0), end):
                self._archives.delete_prefix(self._key(run, number))
        self._numbers = dict(numbers)

    def lines(self, doctype: str) -> Iterator[bytes]:
        """Yield the lines of a doctype that came in so far."""
        for run in sorted({*self._numbers, *self._waiting}):
            if run.rpartition("/")[0] != doctype:
                continue
            for number in range(self._numbers.get(run, 0)):
                yield from self._archives.get(self._key(run, number)).splitlines()
            yield from bytes(self._waiting.get(run, b"")).splitlines()

    def _key(self, run: str, number: int) -> str:
        doctype, _, turn = run.rpartition("/")
        rank = self._ranks.get(doctype, UNKNOWN_RANK)
        return import_keys.row_file(self._import_id, rank, doctype, int(turn), number)
