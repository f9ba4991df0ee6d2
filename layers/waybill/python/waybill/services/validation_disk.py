"""What validation keeps on the function's disk: keys that were seen, values that are held, contents that came in."""

import functools
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from waybill.domain import import_keys
from waybill.domain.catalog import Doctype
from waybill.domain.errors import ObjectMissing
from waybill.intake.content_book import ContentBook
from waybill.ports import Budget, ObjectStore, Sink
from waybill.rules.seen import SqliteSeen
from waybill.rules.unique_fields import unique_fields
from waybill.services.file_body import FileBody
from waybill.services.unique_holders import UniqueHolders


class ValidationDisk:
    """The files of one import, as an earlier call left them. A context manager; when it is left they are gone."""

    def __init__(self, import_id: str, archives: ObjectStore) -> None:
        self._import_id = import_id
        self._archives = archives
        self._stack = ExitStack()
        self._holders: dict[str, UniqueHolders] = {}

    def __enter__(self) -> "ValidationDisk":
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @functools.cached_property
    def seen(self) -> SqliteSeen:
        """Which keys stand earlier in the input."""
        return self._stack.enter_context(SqliteSeen(self._brought(import_keys.seen(self._import_id), "seen.sqlite")))

    @functools.cached_property
    def book(self) -> ContentBook:
        """Which content belongs to which record."""
        path = self._brought(import_keys.content_book(self._import_id), "contents.sqlite")
        return self._stack.enter_context(ContentBook(path))

    @property
    def holders(self) -> Mapping[str, UniqueHolders]:
        """By doctype which records of the target have which unique values."""
        return self._holders

    def find_holders(self, doctype: Doctype, sink: Sink, tenant: str, budget: Budget) -> bool:
        """Read which records have the unique values of a doctype; return whether all of them are read."""
        fields = unique_fields(doctype)[1:]
        if not fields:
            return True
        name = doctype.name
        if name not in self._holders:
            path = self._brought(import_keys.holders(self._import_id, name), f"{name}.sqlite")
            self._holders[name] = self._stack.enter_context(UniqueHolders(path, name, fields))
        holders = self._holders[name]
        return holders.done or holders.read(sink.records(tenant, name, after=holders.after), budget)

    def save(self) -> None:
        """Store the files for the next call."""
        self._archives.put(import_keys.seen(self._import_id), FileBody(self.seen.settle()))
        for name, holders in self._holders.items():
            self._archives.put(import_keys.holders(self._import_id, name), FileBody(holders.settle()))

    def _brought(self, key: str, name: str) -> Path:
        """Return a file with what an earlier call left under a key; there is none if that left nothing."""
        path = self._folder / name
        try:
            with path.open("wb") as file:
                for chunk in self._archives.stream(key):
                    file.write(chunk)
        except ObjectMissing:
            path.unlink()
        return path
