"""What the adapters make of a network and a server that fail."""

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from tests.contract.conftest import REGION, credentials
from tests.contract.faulty_server import RESET, FaultyServer, Request, answer, object_answer, rest_of, s3_error
from tests.fakes import FakeClock

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.adapters.s3_objects import S3Objects
from waybill.archive.spool import Spool
from waybill.domain.errors import (
    ExportExists,
    JobChanged,
    ObjectChanged,
    ObjectDenied,
    ObjectMissing,
    ObjectUnreadable,
    StorageUnavailable,
    UploadMissing,
)
from waybill.domain.job import new_export
from waybill.domain.options import ExportOptions
from waybill.domain.plan import Piece, StoredDigests
from waybill.domain.quota import QuotaUse
from waybill.ports import CopySource

MEBIBYTE = 1024 * 1024
ATTEMPTS = 4
SOURCE = CopySource("files", "a b/c", '"v1"', 10, 15)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def tables(server: FaultyServer, impatient: Backoff) -> AwsJsonClient:
    return AwsJsonClient(
        "dynamodb", "DynamoDB_20120810", endpoint=server.url, region=REGION, credentials=credentials, backoff=impatient
    )


@pytest.fixture
def objects(server: FaultyServer, impatient: Backoff) -> S3Objects:
    return S3Objects("bucket", region=REGION, endpoint=server.url, credentials=credentials, backoff=impatient)


def refusal(status: int, kind: str) -> bytes:
    """An error as DynamoDB words it."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": "Because."}
    return answer(status, json.dumps(body).encode())


class TestAwsJson:
    @pytest.mark.parametrize(
        "fault",
        [
            RESET,
            answer(500),
            answer(503, b"<html>not JSON</html>"),
            answer(200, b'{"It', length=100),
            answer(200, b'{"Item": {}}', x_amz_crc32="1"),
            refusal(400, "ProvisionedThroughputExceededException"),
            refusal(400, "ThrottlingException"),
        ],
        ids=["reset", "500", "503", "short body", "wrong checksum", "throughput", "throttled"],
    )
    def test_what_passes_is_tried_again(self, tables: AwsJsonClient, server: FaultyServer, fault: bytes) -> None:
        server.will(fault, fault, answer(200, b'{"Item": {}}', x_amz_crc32=str(zlib.crc32(b'{"Item": {}}'))))

        assert tables.call("GetItem", {"TableName": "t"}) == b'{"Item": {}}'
        assert len(server.requests) == 3

    @pytest.mark.parametrize("fault", [RESET, answer(500), refusal(400, "ThrottlingException")])
    def test_the_attempts_end(self, tables: AwsJsonClient, server: FaultyServer, fault: bytes) -> None:
        server.will(*[fault] * 9)

        with pytest.raises(AwsError, match="DynamoDB refused GetItem"):
            tables.call("GetItem", {"TableName": "t"})

        assert len(server.requests) == ATTEMPTS

    def test_what_does_not_pass_is_not_tried_again(self, tables: AwsJsonClient, server: FaultyServer) -> None:
        server.will(refusal(400, "AccessDeniedException"))

        with pytest.raises(AwsError) as caught:
            tables.call("GetItem", {"TableName": "t"})

        assert caught.value.kind == "AccessDeniedException"
        assert "Because." not in str(caught.value)
        assert caught.value.__notes__ == ["AWS said: Because."]
        assert len(server.requests) == 1

    def test_nobody_there_is_an_error(self, impatient: Backoff) -> None:
        client = AwsJsonClient(
            "states",
            "AWSStepFunctions",
            endpoint="http://127.0.0.1:9",
            region=REGION,
            credentials=credentials,
            backoff=impatient,
        )

        with pytest.raises(StorageUnavailable, match=r"Step Functions refused StartExecution \(Disconnected\)"):
            client.call("StartExecution", {})

    def test_a_connection_is_used_again_and_replaced_when_it_is_stale(
        self, tables: AwsJsonClient, server: FaultyServer
    ) -> None:
        server.will(answer(200, b"{}"), RESET, answer(200, b'{"a":1}'))

        tables.call("GetItem", {})

        assert tables.call("GetItem", {}) == b'{"a":1}'

    def test_waits_grow_and_are_drawn(self, server: FaultyServer) -> None:
        waits: list[float] = []
        backoff = Backoff(attempts=6, first=0.1, most=1.0, sleep=waits.append, draw=lambda: 0.5)
        client = AwsJsonClient(
            "dynamodb",
            "DynamoDB_20120810",
            endpoint=server.url,
            region=REGION,
            credentials=credentials,
            backoff=backoff,
        )

        with pytest.raises(AwsError):
            client.call("GetItem", {})

        assert waits == [0.05, 0.1, 0.2, 0.4, 0.5]


class TestJobs:
    """A write whose answer was lost may have been done. Doing it again must not look like somebody else's change."""

    def stored(self, server: FaultyServer) -> bytes:
        """The answer to GetItem when the last PutItem was done."""
        return answer(200, json.dumps({"Item": json.loads(server.requests[-1].body)["Item"]}).encode())

    @pytest.mark.parametrize("lost", [RESET, answer(500)], ids=["reset", "500"])
    def test_a_write_that_was_done_after_all_is_done(
        self, tables: AwsJsonClient, server: FaultyServer, clock: FakeClock, lost: bytes
    ) -> None:
        jobs = DynamoDbJobs(tables, "jobs", clock=clock)
        job = new_export("anna", ExportOptions(), clock())
        server.will(answer(200, b"{}"))
        jobs.replace(job)

        server.will(lost, refusal(400, "ConditionalCheckFailedException"), self.stored(server))
        jobs.replace(job)

        assert [request.headers["x-amz-target"].split(".")[1] for request in server.requests] == [
            "PutItem",
            "PutItem",
            "PutItem",
            "GetItem",
        ]

    def test_another_ones_write_is_still_told_from_it(
        self, tables: AwsJsonClient, server: FaultyServer, clock: FakeClock
    ) -> None:
        jobs = DynamoDbJobs(tables, "jobs", clock=clock)
        job = new_export("anna", ExportOptions(), clock())
        server.will(answer(200, b"{}"))
        jobs.replace(job.failed(clock(), "Another one's."))

        server.will(RESET, refusal(400, "ConditionalCheckFailedException"), self.stored(server))

        with pytest.raises(JobChanged):
            jobs.replace(job)


class TestTransactions:
    """Writes that are done together. DynamoDB knows an attempt again by its token, so none is done twice."""

    def cancelled(self, *reasons: str) -> bytes:
        """The refusal of a transaction as DynamoDB words it: a reason for every write."""
        body = {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
            "CancellationReasons": [{"Code": reason} for reason in reasons],
        }
        return answer(400, json.dumps(body).encode())

    def create(self, tables: AwsJsonClient, clock: FakeClock) -> None:
        job = new_export("anna", ExportOptions(), clock())
        jobs = DynamoDbJobs(tables, "jobs", clock=clock)
        jobs.create(job, quota=QuotaUse("anna").started(job.id, clock()))

    @pytest.mark.parametrize("passing", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
    def test_one_that_meets_another_is_tried_again_with_the_same_token(
        self, tables: AwsJsonClient, server: FaultyServer, clock: FakeClock, passing: str
    ) -> None:
        server.will(self.cancelled("None", "None", passing), RESET, answer(200, b"{}"))

        self.create(tables, clock)

        first, *others = [json.loads(request.body) for request in server.requests]
        assert others == [first, first]
        assert first["ClientRequestToken"]

    def test_two_calls_have_two_tokens(self, tables: AwsJsonClient, server: FaultyServer, clock: FakeClock) -> None:
        server.will(answer(200, b"{}"), answer(200, b"{}"))

        self.create(tables, clock)
        self.create(tables, clock)

        assert len({json.loads(request.body)["ClientRequestToken"] for request in server.requests}) == 2

    @pytest.mark.parametrize(
        ("reasons", "error"),
        [
            (("ConditionalCheckFailed", "None", "None"), ExportExists),
            (("None", "None", "ConditionalCheckFailed"), JobChanged),
            (("None", "TransactionConflict", "ConditionalCheckFailed"), JobChanged),
            (("None", "ValidationError", "None"), StorageUnavailable),
        ],
    )
    def test_it_is_told_which_condition_did_not_hold(
        self,
        tables: AwsJsonClient,
        server: FaultyServer,
        clock: FakeClock,
        reasons: tuple[str, ...],
        error: type[Exception],
    ) -> None:
        server.will(self.cancelled(*reasons))

        with pytest.raises(error) as caught:
            self.create(tables, clock)

        assert caught.type is error
        assert len(server.requests) == 1

    def test_conflicts_without_end_are_an_error(
        self, tables: AwsJsonClient, server: FaultyServer, clock: FakeClock
    ) -> None:
        server.will(*[self.cancelled("None", "None", "TransactionConflict")] * ATTEMPTS)

        with pytest.raises(StorageUnavailable, match="TransactionCanceledException"):
            self.create(tables, clock)


class TestS3:
    @pytest.mark.parametrize(
        "fault", [RESET, answer(500), s3_error(503, "SlowDown")], ids=["reset", "500", "slow down"]
    )
    @pytest.mark.parametrize(
        "use",
        [
            lambda store: store.get("key"),
            lambda store: store.get("odd//key"),
            lambda store: store.put("key", b"content"),
            lambda store: list(store.list("")),
        ],
        ids=["get", "get of an odd key", "put", "list"],
    )
    def test_what_passes_is_tried_again_and_not_for_ever(
        self, objects: S3Objects, server: FaultyServer, fault: bytes, use: Callable[[S3Objects], object]
    ) -> None:
        listing = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        server.will(fault, fault, object_answer(listing, of=len(listing)))
        use(objects)
        assert len(server.requests) == 3

        server.will(*[fault] * 99)
        with pytest.raises(StorageUnavailable, match="The bucket bucket cannot be used"):
            use(objects)

    @pytest.mark.parametrize("key", ["key", "odd//key"])
    def test_a_refusal_is_not_tried_again(self, objects: S3Objects, server: FaultyServer, key: str) -> None:
        server.will(s3_error(403, "AccessDenied"))

        with pytest.raises(ObjectDenied, match="AccessDenied"):
            objects.get(key)

        assert len(server.requests) == 1

    @pytest.mark.parametrize("key", ["key", "odd//key"])
    def test_a_broken_body_is_taken_up_where_it_broke(self, objects: S3Objects, server: FaultyServer, key: str) -> None:
        content = bytes(range(256)) * 8_192
        cut = MEBIBYTE + 100
        begin = object_answer(content[:cut], of=len(content), length=len(content))
        server.will(begin, RESET, rest_of(content))

        assert b"".join(objects.stream(key)) == content
        assert len(server.requests) == 3

    @pytest.mark.parametrize("key", ["key", "odd//key"])
    def test_a_body_that_keeps_breaking_is_an_error_and_never_a_short_file(
        self, objects: S3Objects, server: FaultyServer, key: str
    ) -> None:
        server.will(*[object_answer(b"half", of=8, length=8)] * 99)

        with pytest.raises(ObjectUnreadable):
            list(objects.stream(key))
        with pytest.raises(ObjectUnreadable):
            objects.get(key)

    @pytest.mark.parametrize("key", ["key", "odd//key"])
    def test_versions_are_never_mixed(self, objects: S3Objects, server: FaultyServer, key: str) -> None:
        old, new = b"old!" * MEBIBYTE, b"new!" * MEBIBYTE
        begin = object_answer(old[: MEBIBYTE + 1], of=len(old), length=len(old))

        def unless_pinned(request: Request) -> bytes:
            if request.headers.get("if-match") == '"v1"':
                return s3_error(412, "PreconditionFailed")
            return rest_of(new, etag='"v2"')(request)

        server.will(begin, *[unless_pinned] * 9)

        with pytest.raises(ObjectChanged):
            list(objects.stream(key))

    @pytest.mark.parametrize(
        "fault",
        [RESET, answer(500), s3_error(503, "SlowDown"), s3_error(200, "InternalError"), s3_error(200, "SlowDown")],
    )
    def test_a_copy_that_fails_is_tried_again(self, objects: S3Objects, server: FaultyServer, fault: bytes) -> None:
        copied = answer(
            200, b'<CopyPartResult><ETag>"e"</ETag><ChecksumCRC32>AAAAAQ==</ChecksumCRC32></CopyPartResult>'
        )
        server.will(fault, fault, copied)

        piece = objects.copy_piece("key", "upload", 7, SOURCE)

        assert piece == Piece(7, 5, "e", 1)
        assert [request.headers["x-amz-copy-source"] for request in server.requests] == ["files/a%20b/c"] * 3
        assert server.requests[0].headers["x-amz-copy-source-range"] == "bytes=10-14"
        assert server.requests[0].headers["x-amz-copy-source-if-match"] == '"v1"'

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            (s3_error(404, "NoSuchKey"), ObjectMissing),
            (s3_error(404, "NoSuchUpload"), UploadMissing),
            (s3_error(412, "PreconditionFailed"), ObjectChanged),
            (s3_error(200, "PreconditionFailed"), ObjectChanged),
            (s3_error(403, "AccessDenied"), ObjectDenied),
            (s3_error(400, "InvalidRange"), StorageUnavailable),
        ],
    )
    def test_a_copy_that_is_refused_says_why_at_once(
        self, objects: S3Objects, server: FaultyServer, fault: bytes, expected: type[Exception]
    ) -> None:
        server.will(fault)

        with pytest.raises(expected) as caught:
            objects.copy_piece("key", "upload", 7, SOURCE)

        assert type(caught.value) is expected
        assert len(server.requests) == 1

    def test_a_piece_is_sent_again_with_its_checksum(self, objects: S3Objects, server: FaultyServer) -> None:
        server.will(RESET, s3_error(503, "SlowDown"), answer(200, ETag='"e"'))

        assert objects.put_piece("key", "upload", 3, b"piece") == Piece(3, 5, "e", zlib.crc32(b"piece"))
        assert [request.body for request in server.requests] == [b"piece"] * 3
        assert {request.headers["x-amz-checksum-crc32"] for request in server.requests} == {
            base64.b64encode(zlib.crc32(b"piece").to_bytes(4, "big")).decode()
        }

    def test_what_lies_on_the_disk_is_sent_again_from_its_start(self, objects: S3Objects, server: FaultyServer) -> None:
        body = Spool(b"piece" * 500_000)
        server.will(s3_error(503, "SlowDown"), answer(200, ETag='"e"'))

        assert objects.put_piece("key", "upload", 3, body).size == len(body)
        assert [request.body for request in server.requests] == [b"".join(body)] * 2
        assert {request.headers["content-length"] for request in server.requests} == {str(len(body))}
        body.close()

    def test_a_piece_of_an_upload_that_is_gone_says_so(self, objects: S3Objects, server: FaultyServer) -> None:
        server.will(s3_error(404, "NoSuchUpload"))

        with pytest.raises(UploadMissing):
            objects.put_piece("key", "upload", 3, b"piece")

    def test_an_end_that_was_accepted_and_then_refused_is_tried_again(
        self, objects: S3Objects, server: FaultyServer
    ) -> None:
        server.will(s3_error(200, "InternalError"), answer(200, b"<CompleteMultipartUploadResult/>"))

        objects.finish_upload("key", "upload", [Piece(1, 5, "e", 1)], crc32=1)

        assert len(server.requests) == 2
        assert server.requests[0].headers["x-amz-checksum-crc32"] == "AAAAAQ=="

    @pytest.mark.parametrize(("length", "is_there"), [(5, True), (6, False), (None, False)])
    def test_an_end_whose_answer_was_lost_is_seen_by_the_object(
        self, objects: S3Objects, server: FaultyServer, length: int | None, is_there: bool
    ) -> None:
        there = answer(404) if length is None else answer(200, length=length)
        server.will(RESET, s3_error(404, "NoSuchUpload"), there)

        with nullcontext() if is_there else pytest.raises(UploadMissing):
            objects.finish_upload("key", "upload", [Piece(1, 5, "e", 1)], crc32=1)

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [(answer(404), ObjectMissing), (answer(412), ObjectChanged), (answer(403), ObjectDenied)],
    )
    def test_an_answer_without_body_says_why_too(
        self, objects: S3Objects, server: FaultyServer, fault: bytes, expected: type[Exception]
    ) -> None:
        server.will(fault)

        with pytest.raises(expected):
            objects.stored_digests("key", etag='"v1"')

    def test_a_checksum_of_pieces_is_none_of_the_whole(self, objects: S3Objects, server: FaultyServer) -> None:
        server.will(
            answer(200, x_amz_checksum_type="COMPOSITE", x_amz_checksum_crc32="AAAAAQ=="),
            answer(200, x_amz_checksum_sha256="abc=-3"),
            answer(200, x_amz_checksum_type="FULL_OBJECT", x_amz_checksum_crc32="AAAAAQ=="),
        )

        assert objects.stored_digests("key", etag='"v1"') == StoredDigests()
        assert objects.stored_digests("key", etag='"v1"') == StoredDigests()
        assert objects.stored_digests("key", etag='"v1"') == StoredDigests(None, 1)

    def test_a_removal_that_is_refused_in_part_is_an_error(self, objects: S3Objects, server: FaultyServer) -> None:
        listing = (
            b"<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents>"
            b"<IsTruncated>false</IsTruncated></ListBucketResult>"
        )
        refused = (
            b"<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>No.</Message></Error></DeleteResult>"
        )
        server.will(answer(200, b"<ListMultipartUploadsResult/>"), answer(200, listing), answer(200, refused))

        with pytest.raises(StorageUnavailable, match=r"DeleteObjects \(AccessDenied\)"):
            objects.delete_prefix("a")

    def test_a_listing_that_is_no_listing_is_an_error(self, objects: S3Objects, server: FaultyServer) -> None:
        server.will(answer(200, b"<html>"))

        with pytest.raises(StorageUnavailable, match="not XML"):
            list(objects.list(""))


def test_the_clock_of_the_signature_is_the_adapters(server: FaultyServer, impatient: Backoff) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    client = AwsJsonClient(
        "dynamodb",
        "DynamoDB_20120810",
        endpoint=server.url,
        region=REGION,
        credentials=credentials,
        clock=lambda: moment,
        backoff=impatient,
    )
    server.will(answer(200, b"{}"))

    client.call("ListTables", {})

    assert server.requests[0].headers["x-amz-date"] == "20260301T120000Z"
