"""Waybill's way from a PostgreSQL table to NDJSON lines, or on to packed segments.

Arguments: ``read`` DSN TABLE, or ``stage`` DSN QUERY, whose key is ``id``. Prints how many records and bytes that gave,
how many seconds it took, and the memory as ``bench.ours.run_step`` does.
"""

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from bench.ours.run_step import peak_mib
from waybill.domain.catalog import Doctype
from waybill.domain.job import new_export
from waybill.domain.options import ExportOptions
from waybill.domain.plan import Shard
from waybill.domain.postgres import PostgresRows
from waybill.ports import ObjectInfo, SourceItem
from waybill.services.read_chunk import take_whole
from waybill.sources.postgres.database import Database
from waybill.sources.postgres.rows import TableRows

_SHARD = Shard(0, "bench")


class _Secrets:
    """The port Secrets: whatever the name, the DSN."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def get(self, name: str, *, fresh: bool = False) -> str:  # noqa: ARG002 - there is only one
        """Return the DSN."""
        return self._dsn


class _Nowhere:
    """The port WorkStore: takes everything and keeps nothing."""

    def put(self, key: str, data: bytes) -> None:
        """Throw it away."""

    def get(self, key: str) -> bytes:
        """Nothing is there."""
        raise KeyError(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:  # noqa: ARG002 - nothing is there
        """Nothing is there."""
        return iter(())


class _Counted:
    """Items on their way, with their number and the bytes of their lines."""

    def __init__(self, items: Iterator[SourceItem]) -> None:
        self._items = items
        self.records = self.bytes = 0

    def __iter__(self) -> Iterator[SourceItem]:
        for item in self._items:
            self.records += item.line is not None
            self.bytes += len(item.line or b"") + 1
            yield item


def main(what: str, dsn: str, relation: str) -> None:
    """Read everything once."""
    start = peak_mib()
    begin = time.perf_counter()
    rows = PostgresRows("bench", "dsn", ("tenant",), table=relation)
    if what == "stage":
        rows = PostgresRows("bench", "dsn", ("tenant",), query=relation, key=("id",))
    source = TableRows(Doctype("bench", rows, "{}"), rows, Database("bench", "dsn", _Secrets(dsn)))
    counted = _Counted(source.read(tenant="tenant", shard=_SHARD, after=None))
    if what == "stage":
        job = new_export("tenant", ExportOptions(), datetime(2026, 3, 1, tzinfo=UTC))
        take_whole(job, _SHARD, counted, archives=_Nowhere(), reads_files=False)
    else:
        for _ in counted:
            pass
    said = {"records": counted.records, "bytes": counted.bytes, "seconds": time.perf_counter() - begin}
    print(json.dumps({**said, "start_mib": start, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
