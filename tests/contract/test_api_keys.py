"""What every ApiKeys promises, held against the one in memory and the one on DynamoDB; and the operator's command."""

from datetime import UTC, datetime

import pytest
from client.__main__ import main
from tests.contract.conftest import REGION, boto
from tests.fakes import FakeClock, MemoryApiKeys

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_api_keys import DynamoDbApiKeys
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.domain.api_key import ApiKey, new_key
from waybill.domain.errors import ApiKeyExists, ApiKeyMissing, Unauthorized
from waybill.domain.job import new_export
from waybill.domain.options import ExportOptions
from waybill.ports import ApiKeys
from waybill.services.check_api_key import check_api_key

NOW = datetime(2026, 11, 24, 12, 0, 0, 123_457, UTC)


@pytest.fixture(params=["memory", "dynamodb"])
def keys(request: pytest.FixtureRequest) -> ApiKeys:
    if request.param == "memory":
        return MemoryApiKeys()
    return DynamoDbApiKeys(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def a_key(app_id: str = "demo", tenant: str = "anna") -> ApiKey:
    return new_key(tenant, app_id=app_id, scopes=("exports.read",), time_zone="Asia/Jakarta", now=NOW)[0]


def test_a_key_comes_back_as_it_was_stored(keys: ApiKeys) -> None:
    key = a_key()

    keys.add(key)

    assert keys.find("demo") == key


def test_an_unknown_app_id_has_none(keys: ApiKeys) -> None:
    assert keys.find("demo") is None


def test_an_app_id_is_given_once_even_after_it_was_revoked(keys: ApiKeys) -> None:
    key = a_key()
    keys.add(key)
    keys.revoke("demo")

    with pytest.raises(ApiKeyExists):
        keys.add(a_key(tenant="bert"))

    found = keys.find("demo")
    assert found is not None
    assert (found.tenant, found.enabled, found.digest) == ("anna", False, key.digest)


def test_revoking_can_be_repeated_but_not_without_a_key(keys: ApiKeys) -> None:
    keys.add(a_key())
    keys.revoke("demo")
    keys.revoke("demo")

    with pytest.raises(ApiKeyMissing):
        keys.revoke("other")


def test_all_are_listed(keys: ApiKeys) -> None:
    made = [a_key(f"key-{number}", f"tenant-{number}") for number in range(5)]
    for key in made:
        keys.add(key)

    assert sorted(keys.all(), key=lambda key: key.app_id) == made


def test_only_keys_are_listed_of_what_else_is_in_the_table(
    dynamodb: AwsJsonClient, table: str, clock: FakeClock
) -> None:
    store = DynamoDbApiKeys(dynamodb, table)
    store.add(a_key())
    DynamoDbJobs(dynamodb, table, clock=clock).create(new_export("apikey#demo", ExportOptions(), NOW))

    assert [key.app_id for key in store.all()] == ["demo"]


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _operator(self, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", moto_endpoint)
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def made(self, table: str, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[str, str]:
        """App id and secret of a key that the command makes."""
        assert main(["api-key", "create", "--table", table, "--tenant", "anna", *options]) == 0
        first, second = capsys.readouterr().out.splitlines()
        return first.removeprefix("QISCUS-SDK-APP-ID: "), second.removeprefix("QISCUS-SDK-SECRET: ")

    def test_a_key_that_it_makes_is_taken_until_it_revokes_it(
        self, dynamodb: AwsJsonClient, table: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store, clock = DynamoDbApiKeys(dynamodb, table), FakeClock()
        app_id, secret = self.made(table, capsys, "--time-zone", "Asia/Jakarta", "--scope", "exports.read")

        key = check_api_key(app_id, secret, keys=store, clock=clock)
        assert (key.tenant, key.time_zone, key.scopes) == ("anna", "Asia/Jakarta", ("exports.read",))

        assert main(["api-key", "list", "--table", table]) == 0
        listed = capsys.readouterr().out
        assert listed.startswith(f"{app_id} anna enabled Asia/Jakarta exports.read ")
        assert secret not in listed

        assert main(["api-key", "revoke", "--table", table, app_id]) == 0
        with pytest.raises(Unauthorized):
            check_api_key(app_id, secret, keys=store, clock=clock)

    def test_the_secret_is_nowhere_in_the_table(
        self, table: str, moto_endpoint: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        _, secret = self.made(table, capsys)

        items = boto("dynamodb", moto_endpoint).scan(TableName=table)["Items"]
        assert len(items) == 1
        assert secret not in str(items)

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["create", "--tenant", "anna", "--time-zone", "Mars/Olympus"], "no time zone"),
            (["create", "--tenant", "anna", "--app-id", "a b"], "app id"),
            (["revoke", "nobody"], "no API key"),
        ],
    )
    def test_what_cannot_be_is_told_and_nothing_is_stored(
        self, table: str, moto_endpoint: str, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
    ) -> None:
        assert main(["api-key", *arguments, "--table", table]) == 1

        assert told in capsys.readouterr().err
        assert boto("dynamodb", moto_endpoint).scan(TableName=table)["Count"] == 0
