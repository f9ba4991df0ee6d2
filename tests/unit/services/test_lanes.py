"""Which shards one reader has, so that a system sees no more requests than its source allows."""

from tests.unit.services.exports import TABLE
from tests.unit.services.test_system_exports import leaving

from waybill.domain.catalog import Catalog, Doctype, SystemSource
from waybill.domain.plan import ReadBatch, Shard
from waybill.services.lanes import lanes
from waybill.services.work_files import load

ONE = SystemSource("os2iot", "one", "https://one.example/api", "s", ("alice",))
OTHER = SystemSource("os2iot", "other", "https://other.example/api", "s", ("alice",))
CATALOG = Catalog(
    {
        name: Doctype(name, source, "{}", shards=shards)
        for name, source, shards in (
            ("a", ONE, 1),
            ("b", TABLE, 1),
            ("c", OTHER, 1),
            ("d", ONE, 1),
            ("e", TABLE, 4),
            ("f", ONE, 2),
            ("g", OTHER, 1),
        )
    }
)


def test_doctypes_of_one_system_stay_together_and_others_are_alone() -> None:
    shards = [Shard(number, name) for number, name in enumerate("abcdeeffg")]

    found = [[shard.doctype for shard in lane] for lane in lanes(shards, CATALOG)]

    assert found == [["a", "d"], ["b"], ["c", "g"], ["e"], ["e"], ["f"], ["f"]]
    assert lanes([], CATALOG) == []


def test_what_is_left_of_a_system_goes_to_one_reader() -> None:
    product = leaving()
    job = product.create()
    [batch] = product.plan(job)
    first, *others = batch.shards
    assert product.read(job, ReadBatch(0, 1, (first,)))

    work = product.plan_parts(job)

    assert not work.ready
    [left] = load(product.archives, work.key, list[ReadBatch])
    assert [shard.number for shard in left.shards] == [shard.number for shard in batch.shards]
    assert len(others) == 14
