"""The manifest: what a finished export holds, so that anybody can check it.

Its version grows when a field changes its meaning; docs/manifest.md describes every field.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from waybill.domain.chain import Increment
from waybill.domain.date_range import day_text
from waybill.domain.job import ExportJob
from waybill.domain.ledger import Count, Gap, count_gaps
from waybill.domain.plan import PackedPart, PartsHeader

VERSION = 1

MOST_LISTED_GAPS = 10_000
MOST_LISTED_GAP_BYTES = 1_500_000
"""More gaps than this, or longer ones together, are counted by doctype and code.

With the most parts that an export may have the manifest then still fits into one answer of a Lambda function (6 MB).
"""

_GAP_BYTES = 200
"""What a gap takes in the manifest besides its id and its reason."""


@dataclass(frozen=True, slots=True)
class ReadLedger:
    """What ReadChunk's flushes add up to: lines by doctype for records and for files, and the gaps named so far.

    ``outside`` is how many records of each doctype were not asked for, if the export has dates.
    ``deleted`` counts by doctype the records that the source has no more, in an export of a chain. ``as_of`` has of
    doctypes whose source reads from snapshots the first and the last moment that their records are of.
    """

    records: dict[str, Count] = field(default_factory=dict)
    files: dict[str, Count] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    unlisted: dict[str, int] = field(default_factory=dict)
    outside: dict[str, int] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)
    as_of: dict[str, tuple[str, str]] = field(default_factory=dict)


class GapList:
    """Gaps by name as far as there is room, the others as numbers under ``doctype: code``."""

    def __init__(self, listed: Iterable[Gap] = (), unlisted: Mapping[str, int] | None = None) -> None:
        self.listed: list[Gap] = []
        self.unlisted = Counter(unlisted or {})
        self._bytes = 0
        self.add(listed)

    def add(self, gaps: Iterable[Gap]) -> None:
        """Take in more gaps."""
        for gap in gaps:
            size = len(gap.id.encode("utf-8", "surrogatepass")) + len(gap.reason) + _GAP_BYTES
            if len(self.listed) < MOST_LISTED_GAPS and self._bytes + size <= MOST_LISTED_GAP_BYTES:
                self.listed.append(gap)
                self._bytes += size
            else:
                self.unlisted[f"{gap.doctype}: {gap.code}"] += 1


@dataclass(frozen=True, slots=True)
class Ledger:
    """The finished ledger: every line checked, every gap named or at least counted."""

    records: dict[str, Count]
    files: dict[str, Count]
    gaps: GapList
    outside: dict[str, int] = field(default_factory=dict)
    as_of: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many records and files should be in the archive and are not."""
        return sum(count.failed for count in (*self.records.values(), *self.files.values()))

    @property
    def written(self) -> int:
        """How many records are in the archive."""
        return sum(count.written for count in self.records.values())


def close_ledger(read: ReadLedger, parts: Iterable[PackedPart]) -> Ledger:
    """Add what the parts really hold to what was read.

    Raises LedgerMismatch unless expected = written + skipped + failed on every line.
    """
    records, files = dict(read.records), dict(read.files)
    gaps = GapList(read.gaps, read.unlisted)
    for part in parts:
        for doctype, written in part.records_written.items():
            records[doctype] = records.get(doctype, Count()) + Count(written=written)
        for doctype, count in part.file_counts.items():
            outcome = Count(written=count.written, skipped=count.skipped, failed=count.failed)
            files[doctype] = files.get(doctype, Count()) + outcome
        for gap in part.gaps:
            if gap.kind == "record":
                records[gap.doctype] = records.get(gap.doctype, Count()) + count_gaps([gap])
        gaps.add(part.gaps)
    for doctype, count in records.items():
        count.check(f"the records of {doctype}")
    for doctype, count in files.items():
        count.check(f"the files of {doctype}")
    return Ledger(records, files, gaps, dict(read.outside), dict(read.as_of))


def build_manifest(
    job: ExportJob,
    header: PartsHeader,
    parts: Iterable[PackedPart],
    ledger: Ledger,
    *,
    increment: Increment | None = None,
    deleted: Mapping[str, int] | None = None,
    left_out: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, object]:
    """Return the manifest of a job that is done, as a JSON object.

    Of the same data only ``export``, ``as_of`` and the cursors differ. ``increment`` and ``deleted`` are those of an
    export that is one of a chain. ``left_out`` says which fields of which doctypes are in no record, because the
    catalog says so.
    """
    manifest: dict[str, object] = {
        "version": VERSION,
        "export": {
            "id": job.id,
            "created_at": job.created_at.isoformat(),
            "parts_size": job.options.parts_size,
            "with_doctypes": list(job.options.with_doctypes),
            "without_files": job.options.without_files,
            "start_date": day_text(job.options.start_date),
            "end_date": day_text(job.options.end_date),
            "time_zone": job.options.time_zone,
        },
        "format": job.options.format,
        "layout": job.options.layout,
        "group": header.group,
        "parts": [
            {
                "number": part.number,
                "cursor": job.cursor_of(part.number),
                "name": part.name,
                "size": part.size,
                "sha256": part.sha256,
                "crc32": part.crc32,
                "entries": part.entries,
                "payload_size": part.payload_size,
                "entry_list_sha256": part.entry_list_sha256,
                "copied": part.copied,
            }
            for part in parts
        ],
        "doctypes": {doctype: _line(count, increment) for doctype, count in sorted(ledger.records.items())},
        "files": _line(sum(ledger.files.values(), Count()), increment),
        "left_out": {doctype: list(fields) for doctype, fields in sorted((left_out or {}).items()) if fields},
        "as_of": {name: {"from": first, "to": last} for name, (first, last) in sorted(ledger.as_of.items())},
        "outside_dates": dict(sorted(ledger.outside.items())),
        "gaps": [asdict(gap) for gap in ledger.gaps.listed],
        "gaps_not_listed": dict(ledger.gaps.unlisted),
    }
    if increment is not None:
        manifest["incremental"] = {
            **asdict(increment),
            "unchanged": {doctype: count.unchanged for doctype, count in sorted(ledger.records.items())},
            "deleted": {doctype: (deleted or {}).get(doctype, 0) for doctype in sorted(ledger.records)},
        }
    return manifest


def _line(count: Count, increment: Increment | None) -> dict[str, int]:
    """Return a line of the ledger. ``unchanged`` is a column only where something can be."""
    line = asdict(count)
    if increment is None:
        del line["unchanged"]
    return line
