"""The made-up input is as large as asked for, half of it noise and half JSON, and every file as long as listed."""

from pathlib import Path

import pytest
from bench.ours.made_up_store import MadeUpObjects, files

from waybill.domain.errors import ObjectMissing
from waybill.domain.options import GIBIBYTE


@pytest.mark.parametrize("gibibytes", [1, 3])
def test_input_is_as_large_as_asked_for_and_half_of_it_can_be_compressed(gibibytes: int) -> None:
    made_up = list(files(gibibytes))
    assert sum(file.size for file in made_up) == gibibytes * GIBIBYTE
    assert sum(file.size for file in made_up if file.mime == "application/json") == gibibytes * GIBIBYTE // 2
    assert [file.key for file in made_up] == sorted({file.key for file in made_up})


def test_a_file_is_as_long_as_listed(tmp_path: Path) -> None:
    store = MadeUpObjects(tmp_path)
    store.invent()
    for file in [file for file in files(1) if file.size < 10_000_000][-60::15]:
        assert sum(map(len, store.stream(file.key, etag=file.etag))) == file.size


def test_what_steps_leave_for_each_other_is_kept(tmp_path: Path) -> None:
    store = MadeUpObjects(tmp_path)
    store.put("exports/a/work/1.json", b"{}")
    assert MadeUpObjects(tmp_path).get("exports/a/work/1.json") == b"{}"
    assert [info.key for info in store.list("exports/a/")] == ["exports/a/work/1.json"]
    with pytest.raises(ObjectMissing):
        store.get("exports/a/work/2.json")
