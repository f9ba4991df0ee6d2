"""DynamoDB, Step Functions, KMS and EventBridge by the AWS JSON protocol.

One POST an operation, and the answer's body as it came: what reads records decodes them by itself, because botocore's
parser does 8 MB/s where the raw body allows 75 (reference performance.md, section 3).
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from waybill.adapters.backoff import Backoff
from waybill.adapters.clock import system_clock
from waybill.adapters.credentials import CredentialSource, ambient
from waybill.adapters.http import Answer, Disconnected, Endpoint
from waybill.adapters.sigv4 import sign
from waybill.domain.errors import StorageUnavailable
from waybill.ports import Clock

_NAMES = {"dynamodb": "DynamoDB", "states": "Step Functions", "kms": "KMS", "events": "EventBridge"}
_OK = 200
_SERVER_ERROR = 500
_TRY_AGAIN = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_CONDITION = "ConditionalCheckFailed"
_PASSING_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class AwsError(StorageUnavailable):
    """An operation that AWS refused, or did not answer after all attempts.

    ``kind`` is AWS's name for it (``ConditionalCheckFailedException``), or ``Disconnected``. ``repeated`` says that an
    earlier attempt of the same call broke off, so that it may have taken effect. ``broken`` are the positions of the
    writes of a DynamoDB transaction whose conditions did not hold. AWS's own words are attached as a note for the log
    and are not in the message, which people see.
    """

    def __init__(self, service: str, operation: str, refusal: "Refusal", *, repeated: bool) -> None:
        super().__init__(f"{service} refused {operation} ({refusal.kind}).")
        self.kind = refusal.kind
        self.broken = refusal.broken
        self.repeated = repeated
        if refusal.words:
            self.add_note(f"AWS said: {refusal.words}")


class AwsJsonClient:
    """Calls one AWS service that speaks the AWS JSON protocol.

    ``service`` is the name that signatures are made for, ``target_prefix`` stands before the operation in
    ``X-Amz-Target``, ``endpoint`` is a URL. ``json_version`` is the protocol's version that the service names in its
    model: 1.0 or 1.1. ``timeout`` is how many seconds the service may be silent.
    """

    def __init__(
        self,
        service: str,
        target_prefix: str,
        *,
        endpoint: str,
        region: str,
        json_version: str = "1.0",
        credentials: CredentialSource = ambient,
        clock: Clock = system_clock,
        backoff: Backoff | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._service = service
        self._target_prefix = target_prefix
        self._endpoint = Endpoint(endpoint, timeout=timeout)
        self._region = region
        self._content_type = f"application/x-amz-json-{json_version}"
        self._credentials = credentials
        self._clock = clock
        self._backoff = backoff or Backoff()

    def call(self, operation: str, payload: Mapping[str, object]) -> bytes:
        """Do an operation and return the body of its answer, JSON in UTF-8.

        Throttling, failures of the server and broken connections are tried again. Raises AwsError.
        """
        body = msgspec.json.encode(payload)
        digest = hashlib.sha256(body).hexdigest()
        name = _NAMES.get(self._service, self._service)
        return tried(
            name,
            operation,
            lambda: self._send(operation, body, digest),
            backoff=self._backoff,
            read=_checked,
            refusal_of=_refusal,
        )

    def _send(self, operation: str, body: bytes, digest: str) -> Answer:
        headers = sign(
            "POST",
            "/",
            (),
            {
                "host": self._endpoint.host,
                "content-type": self._content_type,
                "x-amz-target": f"{self._target_prefix}.{operation}",
            },
            payload_digest=digest,
            service=self._service,
            region=self._region,
            credentials=self._credentials(),
            now=self._clock(),
        )
        return self._endpoint.request("POST", "/", headers, body)


def tried(
    name: str,
    operation: str,
    send: Callable[[], Answer],
    *,
    backoff: Backoff,
    read: Callable[[Answer], bytes],
    refusal_of: Callable[[Answer], "Refusal"],
) -> bytes:
    """Send a request until it is granted or refused for good, and return what ``read`` makes of the answer.

    Throttling, failures of the server and broken connections are tried again. ``name`` is the service's. Raises
    AwsError.
    """
    refusal, repeated = Refusal(), False
    for _ in backoff.rounds():
        try:
            with send() as answer:
                if answer.status == _OK:
                    return read(answer)
                refusal = refusal_of(answer)
        except Disconnected as error:
            refusal, repeated = Refusal("Disconnected", str(error)), True
            continue
        if answer.status < _SERVER_ERROR and not refusal.passes:
            break
        repeated = repeated or answer.status >= _SERVER_ERROR
    raise AwsError(name, operation, refusal, repeated=repeated)


def _checked(answer: Answer) -> bytes:
    """Return the body if it is what DynamoDB's checksum says. Raises Disconnected."""
    body = answer.read()
    checksum = answer.header("x-amz-crc32")
    if checksum is not None and zlib.crc32(body) != int(checksum):
        raise Disconnected("The answer does not match its checksum.")
    return body


class _Reason(msgspec.Struct, rename="pascal"):
    code: str = "None"


class _RefusalBody(msgspec.Struct):
    type: str = msgspec.field(default="", name="__type")
    message: str = ""
    capital_message: str = msgspec.field(default="", name="Message")
    reasons: list[_Reason] = msgspec.field(default_factory=list, name="CancellationReasons")


@dataclass(frozen=True, slots=True)
class Refusal:
    """AWS's name for an error, its words, and why it has cancelled each write of a transaction."""

    kind: str = ""
    words: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def broken(self) -> tuple[int, ...]:
        """The positions of the writes whose conditions did not hold."""
        return tuple(at for at, reason in enumerate(self.reasons) if reason == _CONDITION)

    @property
    def passes(self) -> bool:
        """Whether the same request may be granted a moment later."""
        met_another = not self.broken and not _PASSING_REASONS.isdisjoint(self.reasons)
        return self.kind in _TRY_AGAIN or met_another


def _refusal(answer: Answer) -> Refusal:
    try:
        body = msgspec.json.decode(answer.read(), type=_RefusalBody)
    except msgspec.DecodeError:
        body = _RefusalBody()
    kind = body.type.rpartition("#")[2] or f"HTTP {answer.status}"
    return Refusal(kind, body.message or body.capital_message, tuple(each.code for each in body.reasons))
