"""A person's objects in UForge become records, all of them, without what opens something."""

import json
from itertools import pairwise

import msgspec
import pytest
from tests.fakes import FakeBudget
from tests.systems.uforge.server import UForge
from tests.unit.sources.uforge.account import BY_KEYS, BY_PASSWORD, Account, records

from waybill.domain.errors import CatalogError, SourceUnavailable
from waybill.domain.plan import Shard


def test_the_profile_is_one_record_without_the_password() -> None:
    (item,) = Account().read("profile")

    (record,) = records([item])
    assert record["loginName"] == "bob"
    assert record["surname"] == "Ó Súilleabháin & Söhne"
    assert record["active"] is True
    assert record["apiKeysQuota"] == 10
    assert record["applianceUris"] == {"uri": []}
    assert [role["name"] for role in record["roles"]["role"]] == ["designer"]
    assert "password" not in record
    assert item.updated_at == 1_549_166_706
    assert Account().read("profile", after="user") == []


def test_a_list_has_the_same_form_with_one_element_and_with_none() -> None:
    found = {record["dbId"]: record for record in records(Account().read("appliances", fetches=False))}

    lists = [record["bootScriptUris"]["uri"] for record in found.values()]
    assert sorted(map(len, lists)) == [0, 1, 2]


def test_a_text_that_looks_like_something_else_stays_a_text() -> None:
    for record in records(Account().read("appliances", fetches=False)):
        assert isinstance(record["description"], str)
        assert isinstance(record["version"], str)
        assert record["imported"] is False
        assert isinstance(record["size"], int)


def test_secrets_are_left_out_wherever_they_stand_and_come_when_asked_for() -> None:
    text = b"".join(
        item.line or b""
        for collection in ("profile", "appliances", "mysoftware", "accounts")
        for item in Account().read(collection, fetches=False)
    )
    assert b"secret" not in text.replace(b"secretsMissing", b"")
    assert b"LS0tLS1CRUdJTg" not in text

    (amazon, openstack, azure) = records(Account().read("accounts", secrets=True))
    assert (amazon["@type"], amazon["secretAccessKeyId"]) == ("CredAccountAws", "aws-secret")
    assert amazon["certificates"]["certificate"][0]["content"] == "LS0tLS1CRUdJTg=="
    assert (openstack["@type"], openstack["password"]) == ("CredAccountOpenStack", "openstack-secret")
    assert (azure["@type"], azure["applicationKey"]) == ("CredAccountAzure", "azure-secret")


def test_what_tells_which_account_it_is_stays() -> None:
    (amazon, openstack, _) = records(Account().read("accounts"))

    assert (amazon["accessKeyId"], amazon["targetPlatform"]["type"]) == ("AKIAEXAMPLE", "aws")
    assert openstack["login"] == "bob"
    assert amazon["secretsMissing"] is False


@pytest.mark.parametrize("secret", [BY_PASSWORD, BY_KEYS])
def test_all_objects_are_read_in_the_order_of_their_numbers(secret: dict[str, str]) -> None:
    account = Account(UForge(appliances=101), secret)

    items = account.read("appliances", fetches=False)

    numbers = [record["dbId"] for record in records(items)]
    assert numbers == sorted(each["dbId"] for each in account.uforge.lists["appliances"])
    assert all(low.key < high.key for low, high in pairwise(items))
    assert [item.id for item in items] == [str(number) for number in numbers]
    assert len(account.uforge.requests) == 3


def test_reading_goes_on_behind_a_key_and_within_a_shard() -> None:
    account = Account(UForge(appliances=20))
    whole = account.read("appliances", fetches=False)

    shards = account.source("appliances", fetches=False, shards=3).shards(tenant="acme", start=5)

    assert [shard.number for shard in shards] == [5, 6, 7]
    assert (shards[0].first, shards[-1].last) == (None, None)
    parts = [account.read("appliances", shard, fetches=False) for shard in shards]
    assert [item for part in parts for item in part] == whole
    assert [len(part) for part in parts] == [6, 7, 7]
    assert account.read("appliances", after=whole[7].key, fetches=False) == whole[8:]


def test_one_shard_is_cut_without_asking() -> None:
    account = Account()

    (shard,) = account.source("appliances").shards(tenant="acme", start=0)

    assert shard == Shard(0, "uforge.appliances")
    assert account.uforge.requests == []


def test_more_shards_than_objects_are_as_many_as_there_are_objects() -> None:
    assert len(Account(UForge(appliances=2)).source("appliances", shards=9).shards(tenant="acme", start=0)) == 2
    assert len(Account(UForge(appliances=0)).source("appliances", shards=9).shards(tenant="acme", start=0)) == 1


def test_an_account_without_anything_has_nothing() -> None:
    assert Account(UForge(appliances=0)).read("appliances") == []


def test_somebody_else_s_account_is_read_if_the_catalog_names_it() -> None:
    account = Account(options={"user": "eve/../bob"})

    with pytest.raises(SourceUnavailable, match="404"):
        account.read("profile")

    assert account.api.targets == ["/api/users/eve%2F..%2Fbob"]


def test_a_list_that_shrinks_while_it_is_read_is_read_again() -> None:
    account = Account(UForge(appliances=120))
    gone = account.uforge.lists["appliances"]
    answer = account.uforge.answer

    def shrinking(method: str, target: str, *rest: object) -> object:
        if "offset=50" in target and len(gone) == 120:
            del gone[0]
        return answer(method, target, *rest)  # type: ignore[arg-type]

    account.uforge.answer = shrinking  # type: ignore[method-assign, assignment]

    assert len(account.read("appliances", fetches=False)) == 119


def test_a_record_has_the_same_bytes_every_time() -> None:
    assert Account().read("appliances", fetches=False) == Account().read("appliances", fetches=False)


def test_an_estimate_asks_for_no_archive_and_says_that_it_guesses() -> None:
    account = Account(UForge(appliances=120))

    found = account.source("appliances").measure(tenant="acme", pages=1, budget=FakeBudget())

    assert (found.amount.records, found.read.records, found.exact, found.pages) == (120, 50, False, 1)
    assert found.amount.files == 120
    assert found.amount.file_bytes > 120 * 700_000
    assert account.uforge.tickets.asked == 0


def test_an_estimate_of_what_fits_a_page_is_exact() -> None:
    for collection, records_there in (("accounts", 3), ("profile", 1)):
        found = Account().source(collection).measure(tenant="acme", pages=3, budget=FakeBudget())
        assert (found.amount.records, found.exact) == (records_there, True)
        assert found.amount.record_bytes == sum(len(item.line or b"") + 1 for item in found.items)


def test_the_url_of_the_catalog_must_be_one() -> None:
    with pytest.raises(CatalogError, match="The url of UForge"):
        Account(url="uforge.example.org").read("profile")


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ({"login": "bob"}, "must have login and password, but lacks password"),
        ({"login": "bob", "api_key": "PUB"}, "must have login and api_key and secret_key, but lacks secret_key"),
        ({}, "lacks login"),
    ],
)
def test_a_secret_that_lacks_something_is_told(secret: dict[str, str], words: str) -> None:
    with pytest.raises(SourceUnavailable, match=words):
        Account(secret=secret).read("profile")


def test_records_are_json_objects_in_one_line() -> None:
    for collection in ("profile", "appliances", "mysoftware", "accounts"):
        for item in Account().read(collection, fetches=False):
            assert item.line is not None
            assert b"\n" not in item.line
            assert isinstance(json.loads(item.line), dict)
            assert msgspec.json.decode(item.line) == json.loads(item.line)
