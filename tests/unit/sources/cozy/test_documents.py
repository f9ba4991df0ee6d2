"""A Cozy's export becomes our doctypes and files, and whatever is not there is named."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import FakeBudget, etag_of
from tests.systems.cozy.data import FILES, TRASH, VERSIONS, Cozy, made_up
from tests.systems.cozy.server import CozyServer
from tests.unit.sources.cozy.reading import Reader, documents, lost

from waybill.domain.ledger import Outcome


@pytest.fixture
def cozy() -> Cozy:
    return made_up()


@pytest.fixture
def server(cozy: Cozy) -> CozyServer:
    return CozyServer(cozy)


@pytest.fixture
def reader(server: CozyServer) -> Reader:
    reader = Reader(server)
    server.created_at = reader.clock()
    server._clock = reader.clock
    return reader


def test_documents_come_as_they_are_named_by_a_doctype_of_the_catalog(reader: Reader, cozy: Cozy) -> None:
    items = reader.read("io.cozy.contacts")

    expected = sorted(cozy.documents["io.cozy.contacts"], key=lambda each: each["_id"])
    assert documents(items) == expected
    assert [item.id for item in items] == [each["_id"] for each in expected]
    assert items[0].updated_at > 1_700_000_000
    assert items[0].line is not None
    assert b"\n" not in items[0].line


def test_files_come_with_their_contents_and_directories_with_their_paths(reader: Reader, cozy: Cozy) -> None:
    items = reader.read(FILES)

    directories = {item.directory.id: item.directory.path for item in items if item.directory}
    assert directories == {each["_id"]: each["path"] for each in cozy.directories}
    files = {item.file.id: item for item in items if item.file}
    assert {name: reader.content(item) for name, item in files.items()} == {each.id: each.data for each in cozy.files}
    assert lost(items) == []
    for each in cozy.files:
        file = files[each.id].file
        assert file is not None
        assert (file.name, file.directory, file.mime) == tuple(
            each.document[name] for name in ("name", "dir_id", "mime")
        )
        assert (file.size, file.etag) == (len(each.data), etag_of(each.data))
        assert file.executable == each.document["executable"]
        assert file.updated_at > 1_700_000_000


def test_old_versions_come_with_their_contents_too(reader: Reader, cozy: Cozy) -> None:
    items = reader.read(VERSIONS)

    assert {item.id: reader.content(item) for item in items} == {each.id: each.data for each in cozy.versions}
    assert all(item.directory and item.file and item.directory.id == item.file.directory for item in items)
    assert {item.directory.path for item in items if item.directory} == {
        f"/io.cozy.files.versions/{each.id.partition('/')[0]}" for each in cozy.versions
    }


def test_what_the_catalog_does_not_name_goes_to_the_doctype_that_takes_it(reader: Reader, cozy: Cozy) -> None:
    items = reader.read("my.others")

    found = [(each["doctype"], each["document"]["_id"]) for each in documents(items)]
    unnamed = {name: each for name, each in cozy.documents.items() if name != "io.cozy.contacts"}
    kept = {name: each for name, each in unnamed.items() if name not in ("io.cozy.sessions", "io.cozy.oauth.clients")}
    expected = {(name, each["_id"]) for name, found in kept.items() for each in found}
    assert set(found) == expected | {("io.cozy.instances", "0" * 32)}
    assert len(found) == len(expected) + 1
    assert [gap for gap in lost(items) if gap[3] != "secret_left_out"] == []


def test_secrets_are_left_out_and_that_is_said(reader: Reader) -> None:
    items = reader.read("my.others")

    text = b"".join(item.line or b"" for item in items)
    assert b"oauth-secret" not in text
    left_out = [gap for gap in lost(items) if gap[3] == "secret_left_out"]
    assert {gap[1].partition("/")[0] for gap in left_out} == {"io.cozy.sessions", "io.cozy.oauth.clients"}
    assert [gap[2] for gap in left_out] == ["skipped"] * 5


def test_secrets_come_if_the_catalog_asks_for_them(server: CozyServer) -> None:
    items = Reader(server, secrets=True).read("my.others")

    assert b"oauth-secret" in b"".join(item.line or b"" for item in items)
    assert lost(items) == []


def test_fields_that_the_catalog_names_are_left_out(reader: Reader) -> None:
    items = reader.read("io.cozy.contacts", leave_out=("email", "name.familyName"))

    assert all("email" not in each and set(each["name"]) == {"givenName"} for each in documents(items))


def test_nothing_comes_twice_and_nothing_is_left_whatever_the_parts(cozy: Cozy) -> None:
    for parts_size in (1, 3_000, 64_000, 10_000_000):
        reader = Reader(CozyServer(cozy, parts_size=parts_size))
        for doctype, contents in cozy.contents.items():
            items = [item for item in reader.read(doctype) if item.file]
            assert [item.id for item in items] == [each.id for each in contents]


def test_keys_grow_and_reading_goes_on_behind_any_of_them(reader: Reader) -> None:
    for doctype in ("io.cozy.contacts", FILES, VERSIONS, "my.others"):
        for shard in reader.shards(doctype):
            whole = list(reader.shard(shard))
            keys = [item.key for item in whole]
            assert keys == sorted(set(keys))
            assert all(shard.first <= key < shard.last for key in keys if shard.first and shard.last)
            for count in range(1, len(whole) + 1, 7):
                assert list(reader.shard(shard, whole[count - 1].key)) == whole[count:]


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 30_000), st.integers(0, 12))
def test_shards_hold_all_that_there_is(parts_size: int, files: int) -> None:
    cozy = made_up(files, 3)
    reader = Reader(CozyServer(cozy, parts_size=parts_size))

    found = [item.id for item in reader.read(FILES)]

    assert sorted(found) == sorted([each["_id"] for each in cozy.directories] + [each.id for each in cozy.files])


class TestWhatIsNotThere:
    def test_a_file_that_lost_its_content_keeps_its_record(self, reader: Reader, cozy: Cozy) -> None:
        gone = cozy.contents[FILES][3].id
        reader.server.faults.lost = [gone]

        items = reader.read(FILES)

        assert lost(items) == [("file", gone, "failed", "file_missing")]
        assert len([item for item in items if item.file]) == len(cozy.files) - 1
        assert gone in [each["_id"] for each in documents(items)]

    def test_every_content_may_be_lost(self, reader: Reader, cozy: Cozy) -> None:
        reader.server.faults.lost = [each.id for each in (*cozy.files, *cozy.versions)]

        assert len(lost(reader.read(FILES))) == len(cozy.files)
        assert len(lost(reader.read(VERSIONS))) == len(cozy.versions)

    @pytest.mark.parametrize("fault", ["cut", "altered"])
    def test_a_content_that_is_not_what_its_record_says_is_not_taken(
        self, reader: Reader, cozy: Cozy, fault: str
    ) -> None:
        files = [each.id for each in cozy.contents[FILES] if each.data]
        bad = [files[0], files[1], cozy.contents[VERSIONS][0].id]
        setattr(reader.server.faults, fault, bad)

        items, versions = reader.read(FILES), reader.read(VERSIONS)

        assert lost(items) == [("file", each, "failed", "file_damaged") for each in bad[:2]]
        assert lost(versions) == [("file", bad[2], "failed", "file_damaged")]
        assert len(documents(items)) == len(cozy.files) + len(cozy.directories)

    def test_a_file_that_names_its_part_and_is_not_in_it_is_missed(self, reader: Reader, cozy: Cozy) -> None:
        second = reader.server.parts[1].cursor.partition("/")[2]
        reader.server.faults.gone = [second]

        items = reader.read(FILES)

        assert lost(items) == [("record", second, "failed", "file_missing"), ("file", second, "failed", "file_missing")]
        assert all(item.gap is None or item.gap.outcome is Outcome.FAILED for item in items)

    def test_a_part_that_is_empty_is_missed_once(self, cozy: Cozy) -> None:
        reader = Reader(CozyServer(cozy, parts_size=1))
        reader.server.faults.gone = [each.id for each in cozy.files]

        named = [part.cursor.partition("/")[2] for part in reader.server.parts if part.cursor.startswith(f"{FILES}/")]
        assert [gap[1] for gap in lost(reader.read(FILES)) if gap[0] == "file"] == named

    def test_reading_goes_on_behind_one_that_is_missed(self, reader: Reader) -> None:
        reader.server.faults.gone = [reader.server.parts[1].cursor.partition("/")[2]]
        shard = reader.shards(FILES)[1]
        whole = list(reader.shard(shard))

        assert list(reader.shard(shard, whole[0].key)) == whole[1:]

    def test_contents_without_a_place_are_named(self, cozy: Cozy) -> None:
        reader = Reader(CozyServer(cozy), named=frozenset((FILES, "my.others")))

        items = reader.read("my.others")

        named = {f"{VERSIONS}/{each.id}" for each in cozy.versions}
        assert {gap[1] for gap in lost(items) if gap[3] == "file_without_record"} == named


def test_a_document_that_is_no_json_spoils_nothing(reader: Reader, cozy: Cozy, monkeypatch: pytest.MonkeyPatch) -> None:
    spoiled = cozy.documents["io.cozy.contacts"][0]["_id"]
    monkeypatch.setattr(
        "tests.systems.cozy.parts._text",
        lambda document: b"{" if document["_id"] == spoiled else json.dumps(document).encode(),
    )

    items = reader.read("io.cozy.contacts")

    assert lost(items) == [("record", spoiled, "failed", "invalid_json")]
    assert len(documents(items)) == len(cozy.documents["io.cozy.contacts"]) - 1


def test_a_file_whose_record_is_no_json_is_named_as_record_and_as_file(
    reader: Reader, cozy: Cozy, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = cozy.contents[FILES][2].id
    monkeypatch.setattr(
        "tests.systems.cozy.parts._text",
        lambda document: b"{" if document["_id"] == spoiled else json.dumps(document).encode(),
    )

    assert lost(reader.read(FILES)) == [
        ("record", spoiled, "failed", "invalid_json"),
        ("file", spoiled, "failed", "file_record_unreadable"),
    ]


def test_an_export_of_some_doctypes_is_not_taken_for_one_of_all(cozy: Cozy) -> None:
    reader = Reader(CozyServer(cozy, doctypes=("io.cozy.contacts",)))

    assert lost(reader.read("io.cozy.contacts")) == []
    for doctype in (FILES, VERSIONS, "my.others"):
        items = reader.read(doctype)
        assert lost(items) == [("record", doctype, "skipped", "not_asked_for")]
        (shard,) = reader.shards(doctype)
        assert list(reader.shard(shard, items[0].key)) == items[1:]


def test_the_trash_is_exported_too(reader: Reader) -> None:
    assert any(item.file and item.file.directory == TRASH for item in reader.read(FILES))


def test_how_much_there_is_is_guessed_from_the_manifest_alone(reader: Reader, cozy: Cozy) -> None:
    measure = reader.source(FILES).measure(tenant="ada", pages=1, budget=FakeBudget())

    assert not measure.exact
    assert measure.amount.file_bytes >= sum(len(each.data) for each in cozy.files) // 2
    assert reader.server.asked == ["GET " + reader.server.identifier[:4]]
