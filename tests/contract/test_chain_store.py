"""What every ChainStore promises, held against the one in memory and the one on DynamoDB."""

from datetime import UTC, datetime

import pytest
from tests.contract.conftest import boto
from tests.fakes import FakeClock, MemoryChains

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_chains import DynamoDbChains
from waybill.domain.chain import GoodRun
from waybill.ports import ChainStore

KEY = "c" * 64


@pytest.fixture(params=["memory", "dynamodb"])
def chains(request: pytest.FixtureRequest) -> ChainStore:
    if request.param == "memory":
        return MemoryChains()
    client: AwsJsonClient = request.getfixturevalue("dynamodb")
    return DynamoDbChains(client, request.getfixturevalue("table"))


def run(export_id: str, clock: FakeClock) -> GoodRun:
    return GoodRun(export_id, export_id * 2, clock())


def test_a_chain_without_runs_has_no_good_one(chains: ChainStore) -> None:
    assert chains.last_good("anna", KEY) is None


def test_the_last_good_run_comes_back_as_it_was_noted(chains: ChainStore, clock: FakeClock) -> None:
    clock.advance(microseconds=123_457)

    assert chains.note_good("anna", KEY, run("one", clock), after="")
    assert chains.last_good("anna", KEY) == run("one", clock)


def test_a_run_that_builds_on_the_last_good_one_takes_its_place(chains: ChainStore, clock: FakeClock) -> None:
    chains.note_good("anna", KEY, run("one", clock), after="")

    assert chains.note_good("anna", KEY, run("two", clock), after="one")
    assert chains.last_good("anna", KEY) == run("two", clock)


@pytest.mark.parametrize("after", ["", "zero"])
def test_a_run_that_builds_on_another_one_does_not(chains: ChainStore, clock: FakeClock, after: str) -> None:
    chains.note_good("anna", KEY, run("one", clock), after="")

    assert not chains.note_good("anna", KEY, run("two", clock), after=after)
    assert chains.last_good("anna", KEY) == run("one", clock)


def test_a_run_of_a_forgotten_chain_is_not_noted(chains: ChainStore, clock: FakeClock) -> None:
    chains.note_good("anna", KEY, run("one", clock), after="")
    chains.forget("anna", KEY)

    assert not chains.note_good("anna", KEY, run("two", clock), after="one")
    assert chains.last_good("anna", KEY) is None


@pytest.mark.parametrize("after", ["", "one"])
def test_a_run_may_be_noted_twice(chains: ChainStore, clock: FakeClock, after: str) -> None:
    if after:
        chains.note_good("anna", KEY, run("one", clock), after="")
    chains.note_good("anna", KEY, run("two", clock), after=after)
    clock.advance(minutes=1)

    assert chains.note_good("anna", KEY, run("two", clock), after=after)


def test_chains_and_tenants_are_apart(chains: ChainStore, clock: FakeClock) -> None:
    chains.note_good("anna", KEY, run("one", clock), after="")

    assert chains.last_good("anna", "d" * 64) is None
    assert chains.last_good("bob", KEY) is None
    chains.forget("bob", KEY)
    assert chains.last_good("anna", KEY) is not None


def test_only_the_run_that_is_named_is_forgotten(chains: ChainStore, clock: FakeClock) -> None:
    chains.note_good("anna", KEY, run("one", clock), after="")

    chains.forget("anna", KEY, "zero")
    assert chains.last_good("anna", KEY) is not None
    chains.forget("anna", KEY, "one")
    chains.forget("anna", KEY, "one")
    assert chains.last_good("anna", KEY) is None


def test_the_item_goes_after_the_next_run_of_a_yearly_schedule(
    dynamodb: AwsJsonClient, table: str, moto_endpoint: str
) -> None:
    at = datetime(2027, 3, 1, tzinfo=UTC)
    DynamoDbChains(dynamodb, table).note_good("anna", KEY, GoodRun("one", "digest", at), after="")

    (item,) = boto("dynamodb", moto_endpoint).scan(TableName=table)["Items"]

    assert int(item["expires_at"]["N"]) > datetime(2028, 3, 8, tzinfo=UTC).timestamp()
    assert item["sk"] == {"S": f"chain#{KEY}"}
