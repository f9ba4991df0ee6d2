"""Our signatures against botocore's, whose authors are AWS."""

import hashlib
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from urllib.parse import quote

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from waybill.adapters import credentials as ours_credentials
from waybill.adapters import sigv4
from waybill.adapters.backoff import Backoff
from waybill.adapters.credentials import Credentials, ambient
from waybill.adapters.s3_rest import S3Rest, attachment
from waybill.domain.errors import StorageUnavailable

NOW = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
KEYS = [Credentials("AKIDEXAMPLE", "se/cr+et"), Credentials("ASIAEXAMPLE", "secret", "to/ken+==")]

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
any_key = any_text.filter(lambda key: key not in {"", "."})


def botocore_now(_: object = None) -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "get_current_datetime", botocore_now, raising=True)


@pytest.mark.parametrize("credentials", KEYS)
@given(
    body=st.binary(max_size=50),
    target=st.sampled_from(["DynamoDB_20120810.Query", "AWSStepFunctions.Start  Execution"]),
)
def test_a_json_request_is_signed_as_botocore_signs_it(credentials: Credentials, body: bytes, target: str) -> None:
    headers = {"host": "dynamodb.eu-central-1.amazonaws.com", "x-amz-target": target}
    theirs = AWSRequest("POST", "https://dynamodb.eu-central-1.amazonaws.com/", data=body, headers=dict(headers))
    auth.SigV4Auth(BotocoreCredentials(*credentials), "dynamodb", "eu-central-1").add_auth(theirs)

    ours = sigv4.sign(
        "POST",
        "/",
        (),
        headers,
        payload_digest=hashlib.sha256(body).hexdigest(),
        service="dynamodb",
        region="eu-central-1",
        credentials=credentials,
        now=NOW,
    )

    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours.get("x-amz-security-token") == credentials.token


@pytest.mark.parametrize("credentials", KEYS)
@given(key=any_key, query=st.dictionaries(any_text.filter(bool), any_text, max_size=4))
def test_an_s3_request_is_signed_as_botocore_signs_it(
    credentials: Credentials, key: str, query: dict[str, str]
) -> None:
    path = "/bucket/" + sigv4.encode_path(key)
    headers = {"host": "s3.eu-central-1.amazonaws.com", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    theirs = AWSRequest("GET", f"https://s3.eu-central-1.amazonaws.com{path}", params=query, headers=dict(headers))
    theirs.context["client_config"] = None
    theirs.context["payload_signing_enabled"] = False
    with patch.object(auth.S3SigV4Auth, "payload", return_value="UNSIGNED-PAYLOAD"):
        auth.S3SigV4Auth(BotocoreCredentials(*credentials), "s3", "eu-central-1").add_auth(theirs)

    ours = sigv4.sign(
        "GET",
        path,
        list(query.items()),
        headers,
        payload_digest="UNSIGNED-PAYLOAD",
        service="s3",
        region="eu-central-1",
        credentials=credentials,
        now=NOW,
    )

    assert ours["authorization"] == theirs.headers["Authorization"]


@pytest.mark.parametrize("credentials", KEYS)
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:4566"])
@given(key=any_key)
def test_a_link_is_presigned_as_botocore_presigns_it(credentials: Credentials, endpoint: str | None, key: str) -> None:
    rest = S3Rest(
        "bucket",
        region="eu-central-1",
        endpoint=endpoint,
        credentials=lambda: credentials,
        clock=lambda: NOW,
        backoff=Backoff(),
        timeout=1,
    )
    root = "https://bucket.s3.eu-central-1.amazonaws.com/" if endpoint is None else f"{endpoint}/bucket/"

    ours = rest.presign(key, expires_in=timedelta(minutes=5))

    theirs = AWSRequest("GET", f"{root}{quote(key, safe='/-_.~')}")
    auth.S3SigV4QueryAuth(BotocoreCredentials(*credentials), "s3", "eu-central-1", expires=300).add_auth(theirs)
    assert ours.startswith(root)
    assert sorted(ours.split("?")[1].split("&")) == sorted(str(theirs.url).split("?")[1].split("&"))


@pytest.mark.parametrize("upload", ["", "2~x/y+z"])
@given(key=any_key, size=st.integers(0, 2**40))
def test_a_place_for_bytes_is_presigned_with_their_length_as_botocore_does_it(upload: str, key: str, size: int) -> None:
    rest = S3Rest(
        "bucket",
        region="eu-central-1",
        endpoint=None,
        credentials=lambda: KEYS[0],
        clock=lambda: NOW,
        backoff=Backoff(),
        timeout=1,
    )

    ours = rest.presign_put(key, size, expires_in=timedelta(minutes=5), upload=upload, number=7)

    query = f"?partNumber=7&uploadId={quote(upload, safe='')}" if upload else ""
    url = f"https://bucket.s3.eu-central-1.amazonaws.com/{quote(key, safe='/-_.~')}{query}"
    theirs = AWSRequest("PUT", url, headers={"Content-Length": str(size)})
    auth.S3SigV4QueryAuth(BotocoreCredentials(*KEYS[0]), "s3", "eu-central-1", expires=300).add_auth(theirs)
    assert sorted(ours.split("?")[1].split("&")) == sorted(str(theirs.url).split("?")[1].split("&"))


@given(filename=any_text)
def test_the_name_of_a_download_is_a_header_that_any_client_reads(filename: str) -> None:
    header = attachment(filename)

    assert header.isascii()
    assert header.isprintable()
    plain, _, extended = header.removeprefix('attachment; filename="').partition('"')
    assert len(plain) == len(filename)
    assert extended == "" if plain == filename else extended == f"; filename*=UTF-8''{quote(filename, safe='')}"


@pytest.mark.parametrize(
    ("bucket", "region", "expected"),
    [
        ("archives", "eu-central-1", "https://archives.s3.eu-central-1.amazonaws.com/key?"),
        ("with.dot", "eu-central-1", "https://s3.eu-central-1.amazonaws.com/with.dot/key?"),
        ("archives", "cn-north-1", "https://archives.s3.cn-north-1.amazonaws.com.cn/key?"),
    ],
)
def test_a_bucket_has_its_own_host(bucket: str, region: str, expected: str) -> None:
    rest = S3Rest(
        bucket,
        region=region,
        endpoint=None,
        credentials=lambda: KEYS[0],
        clock=lambda: NOW,
        backoff=Backoff(),
        timeout=1,
    )

    assert rest.presign("key", expires_in=timedelta(minutes=5)).startswith(expected)


class TestCredentials:
    @pytest.fixture(autouse=True)
    def _bare_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            monkeypatch.setenv(name, "/nonexistent")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        ours_credentials._botocore.cache_clear()

    def test_lambdas_environment_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "token")

        assert ambient() == Credentials("ASIAEXAMPLE", "secret", "token")

    def test_elsewhere_botocore_finds_them(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        file = tmp_path_factory.mktemp("aws") / "credentials"
        file.write_text("[default]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

        assert ambient() == Credentials("AKIDPROFILE", "secret", None)

    def test_none_at_all_is_an_error(self) -> None:
        with pytest.raises(StorageUnavailable, match="no AWS credentials"):
            ambient()
