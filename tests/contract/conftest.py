"""An AWS in the test's own process (moto), and on it a table, a bucket and a state machine for each test."""

import itertools
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tests.fakes import FakeClock

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.credentials import Credentials

REGION = "eu-central-1"
_numbers = itertools.count(1)


def new_name() -> str:
    """A name for a table, a bucket or a state machine that no other test has."""
    return f"waybill-{next(_numbers)}"


def credentials() -> Credentials:
    """What moto takes; any other would do as well."""
    return Credentials("AKIDEXAMPLE", "secret")


def boto(service: str, endpoint: str) -> Any:
    """AWS's own client, to prepare and to look behind the adapters."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
    )


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """The URL of a server that speaks S3, DynamoDB and Step Functions."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def impatient() -> Backoff:
    """A back-off that waits for nothing."""
    return Backoff(attempts=4, first=0.001, most=0.002, sleep=lambda _: None)


@pytest.fixture
def dynamodb(moto_endpoint: str, impatient: Backoff) -> AwsJsonClient:
    return AwsJsonClient(
        "dynamodb",
        "DynamoDB_20120810",
        endpoint=moto_endpoint,
        region=REGION,
        credentials=credentials,
        backoff=impatient,
    )


@pytest.fixture
def table(moto_endpoint: str) -> str:
    """The name of a new table with the text keys ``pk`` and ``sk``."""
    name = new_name()
    boto("dynamodb", moto_endpoint).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "is_running", "created")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "RunningIndex",
                "KeySchema": [
                    {"AttributeName": "is_running", "KeyType": "HASH"},
                    {"AttributeName": "created", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    return name


@pytest.fixture
def bucket(moto_endpoint: str) -> str:
    """The name of a new bucket."""
    name = new_name()
    boto("s3", moto_endpoint).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name
