"""Every appliance and every bundle comes with its archive, or with why it has none; no ticket is left behind."""

import io
import tarfile

import pytest
from tests.systems.uforge.server import UForge
from tests.unit.sources.uforge.account import Account, records

from waybill.domain.errors import SourceNotReady, SourceUnavailable
from waybill.domain.ledger import Outcome
from waybill.ports import Debtor, SourceItem

FIRST = "users/bob/appliances/10"


def gap_of(items: list[SourceItem], number: int) -> tuple[str, str]:
    """Code and reason of the gap in place of an archive."""
    (gap,) = [item.file_gap for item in items if item.id == str(number)]
    assert gap is not None
    assert (gap.kind, gap.id, gap.outcome) == ("file", str(number), Outcome.FAILED)
    return gap.code, gap.reason


@pytest.mark.parametrize(("collection", "entry"), [("appliances", "template.yml"), ("mysoftware", "bundle.yml")])
def test_every_object_comes_with_its_archive_and_no_ticket_stays(collection: str, entry: str) -> None:
    account = Account()

    items, waits = account.read_waiting(collection)

    objects = account.uforge.lists[collection]
    assert waits > 0
    assert len(items) == len(objects)
    for item, record in zip(items, records(items), strict=True):
        assert item.file is not None
        assert (item.file.kept, item.file.id, item.file.mime) == (True, item.id, "application/gzip")
        assert item.file.directory == f"/uforge.{collection}"
        assert item.file.name == f"{record['name'].replace('/', '_')}-{record['version']}.tar.gz"
        assert item.file.size == len(account.content(item))
        with tarfile.open(fileobj=io.BytesIO(account.content(item))) as archive:
            assert archive.getnames()[0] == entry
    assert account.uforge.tickets.asked == len(objects)
    assert not account.uforge.tickets.tickets
    assert not account.debts()


def test_the_template_comes_in_the_format_that_the_catalog_says() -> None:
    items, _ = (account := Account(options={"output_format": "json"})).read_waiting("appliances")

    with tarfile.open(fileobj=io.BytesIO(account.content(items[0]))) as archive:
        assert archive.getnames()[0] == "template.json"


def test_no_more_tickets_are_open_than_the_catalog_says() -> None:
    account = Account(UForge(appliances=9), options={"tickets": "3"})

    for _ in range(30):
        try:
            account.read("appliances")
            break
        except SourceNotReady:
            assert len(account.uforge.tickets.tickets) <= 3
    assert account.uforge.tickets.asked == 9


def test_what_is_waited_for_is_said_with_seconds_and_without_a_deadline_of_its_own() -> None:
    with pytest.raises(SourceNotReady, match=r"^UForge has not made the archive of uforge.appliances 10 yet\.$") as met:
        Account().read("appliances")

    assert (met.value.seconds, met.value.deadline) == (5, None)


def test_a_slow_archive_does_not_keep_others_from_being_fetched() -> None:
    account = Account(UForge(fates={FIRST: "never"}))

    for _ in range(6):
        with pytest.raises(SourceNotReady):
            account.read("appliances")

    kept = [key for key in account.archives.objects if "/kept/" in key]
    assert len(kept) == 2
    assert len(account.uforge.tickets.tickets) == 1


@pytest.mark.parametrize(
    ("fate", "code", "words"),
    [
        ("error", "archive_failed", "could not make it: The archive cannot be written. No space left on <device> /var"),
        ("cancelled", "archive_cancelled", "cancelled on UForge"),
        ("never", "archive_late", "did not make it in 60 minutes"),
        ("refused", "archive_refused", "does not make it (409: This appliance is being changed)"),
        ("vanishes", "archive_lost", "gave no ticket that lasted, 3 times"),
    ],
)
def test_an_archive_that_cannot_be_made_is_a_gap_with_the_reason_and_the_record_is_there(
    fate: str, code: str, words: str
) -> None:
    account = Account(UForge(fates={FIRST: fate}))

    items, _ = account.read_waiting("appliances")

    found = gap_of(items, 10)
    assert found[0] == code
    assert words in found[1]
    assert [record["dbId"] for record in records(items)] == [10, 17, 24]
    assert [item.id for item in items if item.file is not None] == ["17", "24"]
    assert not account.uforge.tickets.tickets
    assert not account.debts()


def test_a_bundle_that_takes_too_long_is_given_up_although_it_cannot_be_cancelled() -> None:
    account = Account(UForge(fates={"users/bob/mysoftware/100": "never"}))

    items, _ = account.read_waiting("mysoftware")

    assert gap_of(items, 100)[0] == "archive_late"
    assert not account.uforge.tickets.tickets
    assert not [each for each in account.uforge.requests if each.startswith("DELETE") and each.endswith("/status")]


def test_a_gap_stays_one_for_the_calls_that_come_later() -> None:
    account = Account(UForge(fates={FIRST: "error"}))
    before, _ = account.read_waiting("appliances")
    account.uforge.tickets.fates.clear()
    asked = account.uforge.tickets.asked

    assert account.read("appliances") == before
    assert account.uforge.tickets.asked == asked


def test_an_archive_that_was_fetched_is_not_fetched_again() -> None:
    account = Account()
    before, _ = account.read_waiting("appliances")
    account.uforge.requests.clear()

    assert account.read("appliances") == before
    assert account.uforge.requests == ["GET users/bob/appliances?count=50&offset=0"]


def test_a_ticket_whose_answer_was_lost_is_found_and_not_asked_for_twice() -> None:
    account = Account(UForge(appliances=1))
    account.fault("^POST", "resets", times=1)
    with pytest.raises(SourceUnavailable, match=r"POST /api/users/{user}/appliances/10/exports\?outputFormat=yaml"):
        account.read("appliances")

    items, _ = account.read_waiting("appliances")

    assert items[0].file is not None
    assert account.uforge.tickets.asked == 1
    assert not account.uforge.tickets.tickets


def test_a_ticket_that_somebody_else_has_is_left_alone() -> None:
    account = Account(UForge(appliances=1))
    theirs = account.uforge.tickets.ask(
        "appliances", account.uforge.lists["appliances"][0], "yaml", "2018-01-01T00:00:00Z"
    )
    account.fault("^POST", "500", times=1)
    with pytest.raises(SourceUnavailable, match="500"):
        account.read("appliances")
    later = account.uforge.tickets.ask(
        "appliances", account.uforge.lists["appliances"][0], "yaml", "2026-03-02T00:00:00Z"
    )

    account.read_waiting("appliances")

    assert set(account.uforge.tickets.tickets) == {theirs.number, later.number}


def test_an_archive_that_is_refused_every_time_does_not_stop_the_others() -> None:
    account = Account()
    account.fault("^POST .*/10/", "500")
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match="500"):
            account.read_waiting("appliances")

    items, _ = account.read_waiting("appliances")

    assert gap_of(items, 10) == (
        "archive_lost",
        "The archive of this record could not be had. UForge gave no ticket that lasted, 3 times.",
    )
    assert [item.id for item in items if item.file is not None] == ["17", "24"]


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_missing_right_is_no_gap(status: str) -> None:
    account = Account()
    account.fault("^POST", status)

    for _ in range(5):
        with pytest.raises(SourceUnavailable, match=status):
            account.read("appliances")


def test_a_download_that_breaks_off_leaves_nothing_and_is_tried_again() -> None:
    account = Account(UForge(appliances=1))
    account.fault("/downloads", "breaks", times=1)
    with pytest.raises(SourceUnavailable, match=r"GET /api/users/{user}/appliances/10/exports/\d+/downloads, broke"):
        account.read_waiting("appliances")
    assert not [key for key in account.archives.objects if "/kept/" in key]
    assert account.debts()

    items, _ = account.read_waiting("appliances")

    assert items[0].file is not None
    assert account.uforge.tickets.asked == 1
    assert not account.debts()


def test_a_download_that_always_breaks_off_is_a_gap_that_says_so() -> None:
    account = Account()
    account.fault("/10/.*/downloads", "breaks")
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="broke off"):
            account.read_waiting("appliances")

    items, _ = account.read_waiting("appliances")

    code, reason = gap_of(items, 10)
    assert code == "archive_broken"
    assert (
        "could not be fetched: UForge at uforge.example.org, asked for GET /api/users/{user}/appliances/10/" in reason
    )
    assert [item.id for item in items if item.file is not None] == ["17", "24"]
    assert not account.uforge.tickets.tickets


def test_a_ticket_that_cannot_be_deleted_now_stays_a_debt_and_stops_nothing() -> None:
    account = Account(UForge(appliances=1))
    account.fault("^DELETE", "500")

    items, _ = account.read_waiting("appliances")

    assert items[0].file is not None
    (debt,) = account.debts()
    account.uforge.faults.clear()
    source = account.source("appliances")
    assert isinstance(source, Debtor)
    source.settle(account.archives.objects[debt])
    assert not account.uforge.tickets.tickets
    source.settle(account.archives.objects[debt])


@pytest.mark.parametrize("collection", ["appliances", "mysoftware"])
@pytest.mark.parametrize("looks", [1, 3])
def test_what_an_export_that_stopped_has_left_is_given_back(collection: str, looks: int) -> None:
    account = Account(UForge(polls=50))
    for _ in range(looks):
        with pytest.raises(SourceNotReady):
            account.read(collection)
    assert account.uforge.tickets.tickets
    source = account.source(collection)
    assert isinstance(source, Debtor)

    for debt in account.debts():
        source.settle(account.archives.objects[debt])

    assert not account.uforge.tickets.tickets


def test_a_ticket_that_nobody_saw_is_given_back_too() -> None:
    account = Account(UForge(appliances=1))
    account.fault("^POST", "resets", times=1)
    with pytest.raises(SourceUnavailable):
        account.read("appliances")
    (debt,) = account.debts()
    source = account.source("appliances")
    assert isinstance(source, Debtor)

    source.settle(account.archives.objects[debt])

    assert not account.uforge.tickets.tickets


def test_a_debt_holds_no_secret() -> None:
    account = Account()
    with pytest.raises(SourceNotReady):
        account.read("appliances")

    for debt in account.debts():
        assert b"s3cret" not in account.archives.objects[debt]


def test_without_files_no_archive_is_asked_for() -> None:
    account = Account()

    items = account.read("appliances", fetches=False)

    assert [item.file for item in items] == [None] * 3
    assert account.uforge.tickets.asked == 0
