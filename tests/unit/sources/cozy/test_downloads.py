"""Parts are downloaded once, in turn, and again only where that helps; whatever else the Cozy does is told."""

from typing import Any

import pytest
from tests.systems.cozy.data import FILES, VERSIONS, made_up
from tests.systems.cozy.server import CozyServer
from tests.unit.sources.cozy.reading import Reader, documents

from waybill.domain.errors import SourceNotReady, SourceUnavailable


@pytest.fixture
def reader() -> Reader:
    server = CozyServer(made_up(12, 10))
    reader = Reader(server)
    server.created_at = reader.clock()
    server._clock = reader.clock
    return reader


def downloads(reader: Reader) -> int:
    """How often a part was asked for."""
    return reader.server.asked.count("GET data")


def test_every_part_is_downloaded_once_whatever_is_read_of_it(reader: Reader) -> None:
    for doctype in ("io.cozy.contacts", FILES, VERSIONS, "my.others"):
        reader.read(doctype)

    assert downloads(reader) == len(reader.server.parts)


def test_the_link_stands_in_no_key_and_no_note(reader: Reader) -> None:
    reader.read(FILES)

    for key, data in reader.archives.objects.items():
        assert "alice" not in key
        assert reader.server.identifier.encode() not in key.encode() + data
        assert "mycozy" not in key


class TestSideBySide:
    def test_one_who_needs_a_part_that_another_downloads_waits(self, reader: Reader) -> None:
        first, second = reader.shards("io.cozy.contacts", 0)[0], reader.shards(FILES, 1)[0]
        staging = reader.staging()
        reader.source("io.cozy.contacts", staging)._downloads._claim(reader.source(FILES)._downloads.plan()[0], 0)

        with pytest.raises(SourceNotReady, match="is being downloaded") as waits:
            list(reader.shard(second))
        assert 0 < waits.value.seconds <= 60
        assert downloads(reader) == 0

        assert list(reader.shard(first))
        assert list(reader.shard(second))
        assert downloads(reader) == 1

    def test_one_who_died_is_not_waited_for_for_ever(self, reader: Reader) -> None:
        second = reader.shards(FILES, 1)[0]
        reader.source("io.cozy.contacts")._downloads._claim(reader.source(FILES)._downloads.plan()[0], 0)

        reader.clock.advance(minutes=20)

        assert list(reader.shard(second))

    def test_one_who_comes_back_goes_on_at_once(self, reader: Reader) -> None:
        (shard,) = reader.shards("io.cozy.contacts", 5)
        reader.source("io.cozy.contacts")._downloads._claim(reader.source(FILES)._downloads.plan()[0], 5)

        assert list(reader.shard(shard))

    def test_reading_goes_on_in_the_download_in_which_it_began(self, reader: Reader) -> None:
        """A Cozy makes a part anew each time: what stood at a place in one may stand elsewhere in another."""
        (shard,) = reader.shards("io.cozy.contacts", 3)
        whole = list(reader.shard(shard))
        reader.server.cozy.documents["io.cozy.contacts"].insert(0, {"_id": "0", "new": True})
        finished = next(key for key in reader.archives.objects if key.endswith("part-00001.finished.json"))
        reader.archives.objects[finished] = b"00009.001"  # of a worker that was at it at the same time

        assert list(reader.shard(shard, whole[2].key)) == whole[3:]


class TestWhatTheCozyDoes:
    def refused(self, reader: Reader, doctype: str = FILES, **faults: Any) -> str:
        """Return what is told of a read that fails."""
        shards = reader.shards(doctype)
        for name, value in faults.items():
            setattr(reader.server.faults, name, value)
        with pytest.raises(SourceUnavailable) as told:
            [list(reader.shard(shard)) for shard in shards]
        assert reader.server.identifier not in str(told.value)
        assert "mycozy" not in str(told.value)
        return str(told.value)

    def test_a_download_that_breaks_off_is_begun_anew(self, reader: Reader) -> None:
        shards = reader.shards("io.cozy.contacts")
        reader.server.faults.break_off, reader.server.faults.break_times = 5_000, 2

        assert len(documents(list(reader.shard(shards[0])))) == 10
        assert downloads(reader) == 3

    def test_one_that_breaks_off_again_and_again_is_told_and_a_retry_goes_on(self, reader: Reader) -> None:
        told = self.refused(reader, break_off=5_000, break_times=3)

        assert "part 1 of" in told
        assert "broke off after 5,000 bytes" in told
        assert [key for key in reader.archives.objects if key.endswith(".zip")] == []
        assert reader.read(FILES)

    def test_parts_that_were_read_stay_when_a_later_one_fails(self, reader: Reader) -> None:
        told = self.refused(reader, status=500, times=5, only_part=1)

        assert "part 2 of" in told
        assert "answered 500" in told
        before = downloads(reader)
        reader.server.faults.times = 0
        assert reader.read(FILES)
        assert downloads(reader) - before == len(reader.server.parts) - 1

    def test_an_export_that_a_later_one_has_replaced_is_not_taken_for_an_empty_one(self, reader: Reader) -> None:
        assert "later export has replaced it" in self.refused(reader, replaced=True)

        reader.server.faults.replaced = False
        assert reader.read(FILES), "the empty part that was kept is not read again"

    def test_a_link_that_has_ended_is_told(self, reader: Reader) -> None:
        shards = reader.shards(FILES)
        reader.server._secret = b"changed with the passphrase"
        link = reader.server.link("https://alice.mycozy.example")
        reader.server._secret = b"and changed again"
        reader.server.link = lambda origin: link  # type: ignore[method-assign]

        with pytest.raises(SourceUnavailable, match="The link has ended"):
            list(reader.shard(shards[0]))

    def test_an_export_that_has_expired_is_told(self, reader: Reader) -> None:
        link = reader.server.link("https://alice.mycozy.example")
        reader.server.link = lambda origin: link  # type: ignore[method-assign]
        reader.clock.advance(days=6, hours=23, minutes=59)
        shards = reader.shards(FILES)
        reader.clock.advance(minutes=2)

        with pytest.raises(SourceUnavailable, match="has ended"):
            list(reader.shard(shards[0]))

    def test_a_cozy_that_wants_to_be_left_alone_is(self, reader: Reader) -> None:
        shards = reader.shards(FILES)
        reader.server.faults.status, reader.server.faults.times = 429, 3
        reader.server.faults.retry_after = 600

        for _ in range(3):
            with pytest.raises(SourceNotReady) as waits:
                list(reader.shard(shards[0]))
            assert waits.value.seconds == 600
            assert waits.value.deadline is not None
            reader.clock.advance(minutes=10)
        assert list(reader.shard(shards[0]))

    def test_but_not_for_ever(self, reader: Reader) -> None:
        shards = reader.shards(FILES)
        reader.server.faults.status, reader.server.faults.times, reader.server.faults.retry_after = 503, 99, 600
        deadlines = set()
        for _ in range(3):
            with pytest.raises(SourceNotReady) as waits:
                list(reader.shard(shards[0]))
            deadlines.add(waits.value.deadline)
            reader.clock.advance(minutes=10)

        assert len(deadlines) == 1

    @pytest.mark.parametrize(
        ("faults", "sentence"),
        [
            ({"state": "exporting"}, "still making"),
            ({"state": "error"}, "could not make"),
            ({"manifest": '{"data": {"attrib'}, "not the manifest"),
            ({"manifest": "[]"}, "not the manifest"),
            ({"status": 500, "times": 1}, "answered 500"),
            ({"status": 404, "times": 1}, "no such export"),
            ({"status": 429, "times": 1, "retry_after": 900}, "answered 429"),
        ],
    )
    def test_a_manifest_that_cannot_be_had_ends_the_planning(
        self, reader: Reader, faults: dict[str, Any], sentence: str
    ) -> None:
        reader.server.set_faults(faults)

        with pytest.raises(SourceUnavailable, match=sentence) as told:
            reader.shards(FILES)
        assert "alice" in str(told.value), "which is the name of the source in the catalog"
        assert "mycozy" not in str(told.value)

    def test_what_is_no_link_is_told_without_being_repeated(self, reader: Reader) -> None:
        reader.server.link = lambda origin: "https://example.org/secret"  # type: ignore[method-assign]

        with pytest.raises(SourceUnavailable, match="not that of a Cozy's export") as told:
            reader.shards(FILES)
        assert "secret" not in str(told.value)

    def test_a_part_that_is_no_zip_is_asked_for_again_by_the_next_try(
        self, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tests.systems.cozy.server.zipped", lambda found: iter([b"<html>busy</html>"]))
        assert "no zip archive" in self.refused(reader)
        monkeypatch.undo()

        assert reader.read(FILES)
