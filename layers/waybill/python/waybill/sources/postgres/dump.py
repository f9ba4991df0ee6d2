"""The whole database as one file, which is kept for the export."""

import secrets
from collections.abc import Callable, Iterator

import msgspec

from waybill.domain.catalog import Doctype
from waybill.domain.errors import CatalogError, SourceUnavailable
from waybill.domain.estimate import Amount
from waybill.domain.plan import FileReference, KeptContent, Shard
from waybill.domain.postgres import PLAIN, PostgresDump
from waybill.ports import Budget, Measure, SourceItem, Staging
from waybill.sources.postgres.database import Database
from waybill.sources.postgres.pg_dump import Dump, PgDump, installed

_NAMES = {PLAIN: ("database.sql", "application/sql"), "custom": ("database.dump", "application/octet-stream")}
_KEY_BYTES = 32


class _Note(msgspec.Struct):
    """What is kept beside the dump: when it was begun, and its ``restrict_key``, the same in every try."""

    as_of: str
    restrict_key: str


class DatabaseDump:
    """Source of a doctype that is a dump of a database: one record, with the dump as its file."""

    def __init__(
        self,
        doctype: Doctype,
        dump: PostgresDump,
        database: Database,
        staging: Staging | None,
        *,
        program: Callable[[], PgDump] = installed,
    ) -> None:
        self._doctype = doctype
        self._format = dump.format
        self._name, self._mime = _NAMES[dump.format]
        self._database = database
        self._staging = staging
        self._program = program
        self.as_of: str | None = None

    def shards(self, *, tenant: str, start: int) -> list[Shard]:  # noqa: ARG002
        """Return one shard: a dump cannot be cut."""
        return [Shard(number=start, doctype=self._doctype.name)]

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:  # noqa: ARG002
        """Yield the dump, which is made if it is not kept yet. ``as_of`` is when it was begun; it holds that moment.

        Raises SourceUnavailable, SourceNotReady for a call of its own, and CatalogError if that was not enough.
        """
        if after is not None:
            return
        if self._staging is None:
            raise SourceUnavailable("A dump is made for an export, and this is none.")
        name = f"{self._doctype.name}/{self._name}"
        kept = self._staging.kept(name) or self._made(name, self._staging)
        self.as_of = self._noted(self._staging).as_of
        record = {"_id": self._name, "type": "file", "name": self._name, "mime": self._mime, "size": kept.size}
        yield SourceItem(self._name, msgspec.json.encode(record), file=self._reference(kept))

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:  # noqa: ARG002
        """Say how large the database is, which is about how large its dump is."""
        size = int(self._database.session.rows("SELECT pg_database_size(current_database())")[0][0] or 0)
        amount = Amount(1, 0, 1, size, size if self._format == PLAIN else 0)
        return Measure(amount, Amount(), [], exact=False, pages=1)

    def _made(self, name: str, staging: Staging) -> KeptContent:
        database = self._database
        note = _Note(database.session.as_of, self._noted(staging).restrict_key or secrets.token_hex(_KEY_BYTES))
        database.close()  # pg_dump has a connection of its own, and this one would keep the server from cleaning up
        staging.put_note(self._note_name, msgspec.json.encode(note))
        dump = Dump(self._program(), database.source)
        try:
            return staging.keep(name, dump.chunks(database.options, self._format, note.restrict_key))
        except SourceUnavailable as error:
            if not dump.is_unfinished:
                raise
            raise self._too_long(dump) from error

    def _too_long(self, dump: Dump) -> CatalogError:
        return CatalogError(
            f"The PostgreSQL database of the source {self._database.source} cannot be dumped here: in the 14 minutes "
            f"that one call of a step has, pg_dump gave {dump.bytes // 1_000_000:,} MB and was not done, and a dump "
            "cannot be taken up where it stopped. Export the tables as doctypes of their own (read.table), which can, "
            "or run pg_dump on a machine without such a limit."
        )

    @property
    def _note_name(self) -> str:
        return f"{self._doctype.name}/dump"

    def _noted(self, staging: Staging) -> _Note:
        data = staging.note(self._note_name)
        return _Note("", "") if data is None else msgspec.json.decode(data, type=_Note)

    def _reference(self, kept: KeptContent) -> FileReference:
        return FileReference(
            id=self._name,
            name=self._name,
            directory=f"/{self._doctype.name}",
            key=kept.key,
            size=kept.size,
            etag=kept.etag,
            mime=self._mime,
            kept=True,
        )
