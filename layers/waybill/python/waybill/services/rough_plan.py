"""The plan of an export of which some was read: what that comes to, taken as often as there is more of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from waybill.archive.container import container_of
from waybill.archive.layouts import archive_layout_of
from waybill.archive.plan_parts import MAX_ENTRIES_PER_PART, MOST_ENTRY_BYTES
from waybill.domain.catalog import Catalog
from waybill.domain.estimate import Amount, Bulk, Plan, enough_for, parts_of
from waybill.domain.options import MAX_PARTS_SIZE, PLAIN, ExportOptions
from waybill.services.plan_export import SHARDS_PER_BATCH
from waybill.services.plan_parts import BATCH_BYTES, BATCH_ENTRIES, BATCH_PARTS, MOST_PARTS
from waybill.services.read_chunk import SEGMENT_SIZE
from waybill.services.rehearsal import Rehearsal


class RoughPlan(NamedTuple):
    """A plan; a ``parts_size`` that would be enough, if any is; and the bytes of all parts' names in ``cozy``."""

    plan: Plan
    enough: int | None
    name_bytes: int


class _Packed(NamedTuple):
    """What was found of the whole export.

    What it is in parts, the bytes of packed records, the number of entries, the bytes of a part's name, and what
    compression is thought to take from files.
    """

    bulks: Sequence[Bulk]
    records: float
    entries: float
    name_bytes: float = 0.0
    shrinks_by: float = 0.0


def rough_plan(
    options: ExportOptions,
    catalog: Catalog,
    rehearsal: Rehearsal,
    *,
    read: Mapping[str, Amount],
    amounts: Mapping[str, Amount],
) -> RoughPlan:
    """Return the plan for ``amounts``, from the rehearsal with what was ``read`` of them."""
    more = {name: amounts[name].record_bytes / max(read[name].record_bytes, 1) for name in amounts}
    total = sum(amounts.values(), Amount())
    packed = (
        _files_of_records(rehearsal, more)
        if options.layout == PLAIN
        else _archive(options, catalog, rehearsal, more, total)
    )
    parts = parts_of(packed.bulks, options.parts_size)
    size = round(sum(bulk.records + bulk.file_bytes for bulk in packed.bulks) + parts * packed.bulks[0].around)
    shards = sum(catalog.doctypes[name].shards for name in amounts)
    segments = round(packed.records / SEGMENT_SIZE) + shards
    plan = Plan(
        shards=shards,
        read_batches=-(-shards // SHARDS_PER_BATCH),
        segments=segments,
        slices=segments + parts,
        parts=parts,
        pack_batches=max(-(-size // BATCH_BYTES), -(-parts // BATCH_PARTS), -(-round(packed.entries) // BATCH_ENTRIES)),
        bytes=size,
        total_size=size - round(packed.shrinks_by),
    )
    enough = enough_for(packed.bulks, MOST_PARTS, MAX_PARTS_SIZE)
    return RoughPlan(plan, enough, round(packed.name_bytes * max(parts - 1, 0)))


def _archive(
    options: ExportOptions, catalog: Catalog, rehearsal: Rehearsal, more: Mapping[str, float], total: Amount
) -> _Packed:
    layout = archive_layout_of(options.layout)
    bounds = layout.bounds(container_of(options.format), catalog.schemas, options.parts_size)
    records = packed = entries = 0.0
    lines = lengths = 0
    seen: set[str] = set()
    for _, entry in rehearsal.content.entries():
        size = bounds.record(entry, first=False)
        times = more.get(entry.doctype, 1.0)
        records += size * times
        packed += entry.length * times
        entries += times
        if entry.doctype not in seen:
            records += bounds.record(entry, first=True) - size
            seen.add(entry.doctype)
        lines += entry.size
        lengths += entry.length
    around_files = names = files = shrinking = shrinks_by = 0
    for file in rehearsal.content.files():
        around_files += bounds.file(file) - file.reference.size
        names += len(f"{file.doctype}/{file.reference.id}".encode("utf-8", "surrogatepass"))
        files += 1
        shrinks = rehearsal.shrinks_by(file)
        shrinks_by += shrinks
        shrinking += file.reference.size if shrinks else 0
    ratio = lengths / max(lines, 1)
    bulk = Bulk(
        records=round(records),
        record=round(records / max(total.records, 1)),
        entry=round(MOST_ENTRY_BYTES * ratio),
        ratio=ratio,
        gathers=layout.gathers_records,
        files=total.files,
        file_bytes=total.file_bytes + round(around_files / max(files, 1) * total.files),
        around=bounds.empty(),
        most_entries=MAX_ENTRIES_PER_PART,
    )
    return _Packed(
        [bulk],
        packed,
        entries + total.files,
        names / max(files, 1),
        shrinks_by / max(shrinking, 1) * total.shrinking_bytes,
    )


def _files_of_records(rehearsal: Rehearsal, more: Mapping[str, float]) -> _Packed:
    sizes = dict.fromkeys(more, 0.0)
    for part in rehearsal.parts_plan.plans():
        sizes[part.doctype] += part.bound * more[part.doctype]
    bulks = [
        Bulk(
            records=round(size),
            record=0,
            entry=0,
            ratio=1.0,
            gathers=False,
            files=0,
            file_bytes=0,
            around=0,
            most_entries=MAX_ENTRIES_PER_PART,
        )
        for size in sizes.values()
    ]
    return _Packed(bulks, sum(sizes.values()), sum(sizes.values()) / SEGMENT_SIZE + len(bulks))
