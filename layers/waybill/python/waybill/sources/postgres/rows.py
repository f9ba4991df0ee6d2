"""The rows of a table or a query as records."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from waybill.domain.catalog import Doctype
from waybill.domain.errors import CatalogError, SourceUnavailable
from waybill.domain.estimate import Amount
from waybill.domain.ledger import Gap, Outcome
from waybill.domain.plan import Shard
from waybill.domain.postgres import MOST_RECORD_BYTES, PostgresRows
from waybill.ports import Budget, Measure, SourceItem
from waybill.sources import json_text
from waybill.sources.postgres import statements
from waybill.sources.postgres.database import Database
from waybill.sources.postgres.keys import NULL, has_odd_date, is_incomplete, texts_of
from waybill.sources.postgres.relation import Relation, described
from waybill.sources.postgres.session import Session

LEAST_ROWS = 10_000
"""A shard has at least this many rows, so that a small table is one."""

PAGE_BYTES = 1_000_000
"""What an estimate counts as a page of rows."""

_PLAN = msgspec.json.Decoder(list[dict[str, dict[str, msgspec.Raw]]])


class TableRows:
    """Source of a doctype whose records are the rows of a table or a query."""

    def __init__(self, doctype: Doctype, rows: PostgresRows, database: Database) -> None:
        self._doctype = doctype
        self._rows = rows
        self._database = database
        self._relation: tuple[Session, Relation] | None = None
        self.as_of: str | None = None

    def shards(self, *, tenant: str, start: int) -> list[Shard]:  # noqa: ARG002
        """Cut the rows into ranges of keys with about as many rows each, numbered from ``start``.

        Together the shards hold every possible key, so rows that are written meanwhile are read too. Raises
        SourceUnavailable, CatalogError.
        """
        bounds = [None, *self._cuts(), None]
        return [
            Shard(number=start + position, doctype=self._doctype.name, first=first, last=last, index=position + 1)
            for position, (first, last) in enumerate(pairwise(bounds))
        ]

    def _cuts(self) -> list[str]:
        session, relation = self._described()
        if self._doctype.shards == 1:
            return []
        rows = int(session.rows(statements.count(relation))[0][0] or 0)
        wanted = min(self._doctype.shards, rows // LEAST_ROWS)
        if wanted < 2:  # noqa: PLR2004 - one shard has no cuts
            return []
        keys = [row[0] or NULL for row in session.rows(statements.every(relation, -(-rows // wanted)))]
        if any(map(is_incomplete, keys)):
            raise self._no_key()
        return keys

    def read(self, *, tenant: str, shard: Shard, after: str | None) -> Iterator[SourceItem]:  # noqa: ARG002
        """Yield the shard's rows in the order of their keys, those behind ``after``.

        A row that is larger than MOST_RECORD_BYTES is a gap. What a worker's call reads is of one moment, ``as_of``.
        Raises SourceUnavailable, CatalogError.
        """
        session, relation = self._described()
        self.as_of = session.as_of
        # Neither a range of keys nor what is behind a key has rows without one, so they would be lost in silence.
        unsure = shard.last is None and after is None and not relation.key_is_filled
        if unsure and session.rows(statements.without_key(relation)):
            raise self._no_key()
        statement = statements.rows_between(session, relation, after or shard.first, shard.last)
        yield from self._items(session, relation, statement, after)

    def _items(self, session: Session, relation: Relation, statement: str, after: str | None) -> Iterator[SourceItem]:
        checked = not session.knows_encoding or bool(relation.leave_out)
        has_dates = any(column.is_date for column in relation.key)
        before = None
        for row in session.copy(statement):
            head, moment, line = row[:-1].split(statements.SEPARATOR, 2)
            if head == before:
                raise self._repeated()
            before = head
            key = head.decode()
            if key == after:
                continue
            if has_dates and has_odd_date(key):
                raise self._odd_date()
            if checked or b"\\u" in line or line[:1] != statements.BEGINNING:
                yield self._unusual(key, line, relation.leave_out, int(moment))
            else:
                yield SourceItem(key, line, None, None, None, None, max(int(moment), 0))

    def _unusual(self, key: str, line: bytes, leave_out: tuple[str, ...], moment: int) -> SourceItem:
        """Return the item of a line that is missing or in quotes, may be no Unicode, or has something to leave out.

        A value of type json may hold half of a surrogate pair, and a database without an encoding any bytes.
        """
        if not line:
            reason = f"The row is larger than {MOST_RECORD_BYTES // 2**20} MiB as JSON."
            return SourceItem(key, gap=self._gap(key, "record_too_large", reason))
        if line.startswith(statements.QUOTE):
            line = line[1:-1].replace(b"\r", b" ").replace(b"\n", b" ")
        try:
            return SourceItem(key, json_text.one_line(line.decode(), leave_out), updated_at=max(moment, 0))
        except (json_text.NotAnObject, UnicodeDecodeError):
            return SourceItem(key, gap=self._gap(key, "invalid_json", "The row holds text that is no Unicode."))

    def measure(self, *, tenant: str, pages: int, budget: Budget) -> Measure:
        """Say how much there is (``ports.Source.measure``): what is not counted, the server's planner estimates."""
        items: list[SourceItem] = []
        size = page = 0
        exact = True
        reading = self.read(tenant=tenant, shard=Shard(0, self._doctype.name), after=None)
        for item in reading:
            items.append(item)
            size += len(item.line or b"") + 1
            if size >= (page + 1) * PAGE_BYTES:
                page += 1
                if page >= pages or budget.spent():
                    exact = False
                    break
        records = sum(item.line is not None for item in items)
        amount = read = Amount(records, size - (len(items) - records), 0, 0, 0)
        if not exact:
            del reading  # its COPY ends the session
            expected = max(_planned(self._database.session, self._described()[1]), len(items))
            amount = read.times(expected / len(items))
        return Measure(amount, read, items, exact=exact, pages=max(page, 1))

    def _described(self) -> tuple[Session, Relation]:
        session = self._database.session
        if self._relation is None or self._relation[0] is not session:
            self._relation = session, described(session, self._doctype.name, self._rows, self._doctype.leave_out)
        return self._relation

    def _gap(self, key: str, code: str, reason: str) -> Gap:
        texts = texts_of(key)
        name = texts[0] if len(texts) == 1 else key
        return Gap(self._doctype.name, "record", name, Outcome.FAILED, code, reason)

    def _no_key(self) -> CatalogError:
        return CatalogError(
            f"The doctype {self._doctype.name} has rows whose key ({self._columns()}) is NULL, so they cannot be told "
            "apart. Name other columns under read.key in the catalog, or leave such rows out with a query."
        )

    def _repeated(self) -> CatalogError:
        return CatalogError(
            f"The doctype {self._doctype.name} has several rows with one key ({self._columns()}), so they cannot be "
            "told apart when reading goes on after a stop. Name more columns under read.key in the catalog."
        )

    def _odd_date(self) -> CatalogError:
        return CatalogError(
            f"The doctype {self._doctype.name} has a row whose key ({self._columns()}) has a date before the year 1 or "
            "behind 9999, and such keys cannot be put in order. Name other columns under read.key in the catalog."
        )

    def _columns(self) -> str:
        return ", ".join(self._rows.key) or "the primary key"


def _planned(session: Session, relation: Relation) -> int:
    """Return how many rows the server's planner expects."""
    text = session.rows(statements.estimate(relation))[0][0] or "[]"
    try:
        return int(msgspec.json.decode(_PLAN.decode(text)[0]["Plan"]["Plan Rows"], type=int))
    except (msgspec.DecodeError, LookupError) as error:
        raise SourceUnavailable("The server's plan of a query cannot be read.") from error
