"""What every Secrets promises, held against the one in memory and the one on Secrets Manager."""

from collections.abc import Callable

import pytest
from tests.contract.conftest import REGION, boto, credentials, new_name
from tests.contract.faulty_server import FaultyServer, answer
from tests.rest_fakes import FakeSecrets

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.secrets_manager import SecretsManager
from waybill.domain.errors import SourceUnavailable
from waybill.ports import Secrets

Make = Callable[[str], tuple[Secrets, str, Callable[[str], None]]]


def client(endpoint: str, backoff: Backoff) -> AwsJsonClient:
    return AwsJsonClient(
        "secretsmanager",
        "secretsmanager",
        endpoint=endpoint,
        region=REGION,
        json_version="1.1",
        credentials=credentials,
        backoff=backoff,
    )


@pytest.fixture(params=["memory", "secrets manager"])
def make(request: pytest.FixtureRequest, moto_endpoint: str, impatient: Backoff) -> Make:
    """Makes a secret; gives where it is kept, its name, and what changes it."""

    def in_memory(value: str) -> tuple[Secrets, str, Callable[[str], None]]:
        kept = FakeSecrets({"name": value})
        return kept, "name", lambda other: kept.change("name", other)

    def on_aws(value: str) -> tuple[Secrets, str, Callable[[str], None]]:
        aws, name = boto("secretsmanager", moto_endpoint), new_name()
        arn = str(aws.create_secret(Name=name, SecretString=value)["ARN"])
        return (
            SecretsManager(client(moto_endpoint, impatient)),
            arn,
            lambda other: aws.put_secret_value(SecretId=name, SecretString=other) and None,
        )

    return in_memory if request.param == "memory" else on_aws


def test_a_secret_is_what_was_put(make: Make) -> None:
    secrets, name, _ = make('{"password": "ü"}')

    assert secrets.get(name) == '{"password": "ü"}'


def test_one_that_has_changed_is_seen_when_it_is_read_afresh(make: Make) -> None:
    secrets, name, change = make("old")
    assert secrets.get(name) == "old"
    change("new")

    assert secrets.get(name) == "old"
    assert secrets.get(name, fresh=True) == "new"
    assert secrets.get(name) == "new"


def test_one_that_is_not_there_is_named(make: Make) -> None:
    secrets, _, _ = make("x")

    with pytest.raises(SourceUnavailable, match=r"secret waybill/other cannot be read"):
        secrets.get("waybill/other")


class TestSecretsManager:
    def test_bytes_are_taken_if_they_are_text(self, moto_endpoint: str, impatient: Backoff) -> None:
        aws = boto("secretsmanager", moto_endpoint)
        good, bad = new_name(), new_name()
        aws.create_secret(Name=good, SecretBinary="ü".encode())
        aws.create_secret(Name=bad, SecretBinary=b"\xff")
        secrets = SecretsManager(client(moto_endpoint, impatient))

        assert secrets.get(good) == "ü"
        with pytest.raises(SourceUnavailable, match="it is not text"):
            secrets.get(bad)

    @pytest.mark.parametrize(
        ("kind", "advice"),
        [
            ("AccessDeniedException", "name it in SourceSecretArns"),
            ("ResourceNotFoundException", "look at the catalog"),
            ("DecryptionFailure", "refused it (DecryptionFailure)."),
        ],
    )
    def test_a_refusal_says_what_to_do_and_nothing_of_what_aws_said(
        self, impatient: Backoff, kind: str, advice: str
    ) -> None:
        with FaultyServer() as server:
            server.will(answer(400, f'{{"__type":"{kind}","Message":"private words"}}'.encode()))
            with pytest.raises(SourceUnavailable) as refused:
                SecretsManager(client(server.url, impatient)).get("waybill/os2iot")

        assert advice in str(refused.value)
        assert "private words" not in str(refused.value)
