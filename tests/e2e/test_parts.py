"""Parts of seed 002's smallest size: each a bag of its own, none larger than asked unless one entry alone is."""

from collections.abc import Callable

import pytest
from local.demo_data import agenda, people
from local.demo_data.library import Library, LibrarySize
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e

_PARTS_SIZE = 10_240
_SIZE = LibrarySize(albums=1, photos=2, documents=20, largest=())


@pytest.fixture(scope="module")
def small_parts(new_tenant: Callable[..., Tenant], fetch: Callable[..., Unpacked]) -> Unpacked:
    items = list(Library("parts", _SIZE).items())
    records = [*people.contacts("parts", 120), *agenda.notes("parts", 5), *(item.record for item in items)]
    tenant = new_tenant("parts", records, [item.file for item in items if item.file])
    return fetch(tenant, tenant.api.create(parts_size=_PARTS_SIZE)["id"])


def test_every_part_is_a_bag_of_its_own(small_parts: Unpacked) -> None:
    assert small_parts.faults == []
    assert len(small_parts.bags) > 5
    assert small_parts.export["attributes"]["parts_size"] == _PARTS_SIZE


def test_only_a_part_of_one_entry_may_be_larger(small_parts: Unpacked) -> None:
    larger = [part for part in small_parts.manifest["parts"] if part["size"] > _PARTS_SIZE]
    assert larger
    assert [part["entries"] for part in larger] == [1] * len(larger)


def test_records_come_before_files(small_parts: Unpacked) -> None:
    has_files = [any((bag / "data" / "files").rglob("*")) for bag in small_parts.bags]
    has_records = [any((bag / "data").glob("io.*/*.ndjson")) for bag in small_parts.bags]
    last_with_records = max(number for number, has in enumerate(has_records) if has)
    first_with_files = min(number for number, has in enumerate(has_files) if has)
    assert has_records[0]
    assert last_with_records <= first_with_files


def test_parts_of_different_sizes_hold_the_same(
    new_tenant: Callable[..., Tenant], fetch: Callable[..., Unpacked]
) -> None:
    tenant = new_tenant("sizes", list(people.contacts("sizes", 150)))
    small = fetch(tenant, tenant.api.create(parts_size=_PARTS_SIZE)["id"])
    large = fetch(tenant, tenant.api.create()["id"])
    assert len(small.bags) > len(large.bags) == 1
    assert sorted(small.records("io.cozy.contacts")) == sorted(large.records("io.cozy.contacts"))
