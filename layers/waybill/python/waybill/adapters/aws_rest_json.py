"""EventBridge Scheduler by the AWS REST JSON protocol: a method and a path for each operation."""

import hashlib
from collections.abc import Mapping

import msgspec

from waybill.adapters.aws_json import Refusal, tried
from waybill.adapters.backoff import Backoff
from waybill.adapters.clock import system_clock
from waybill.adapters.credentials import CredentialSource, ambient
from waybill.adapters.http import Answer, Endpoint
from waybill.adapters.sigv4 import Query, encode_query, sign
from waybill.ports import Clock


class AwsRestJsonClient:
    """Calls one AWS service that speaks the AWS REST JSON protocol.

    ``service`` is the name that signatures are made for, ``name`` the one that people know, ``endpoint`` is a URL.
    ``timeout`` is how many seconds the service may be silent.
    """

    def __init__(
        self,
        service: str,
        name: str,
        *,
        endpoint: str,
        region: str,
        credentials: CredentialSource = ambient,
        clock: Clock = system_clock,
        backoff: Backoff | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._service = service
        self._name = name
        self._endpoint = Endpoint(endpoint, timeout=timeout)
        self._region = region
        self._credentials = credentials
        self._clock = clock
        self._backoff = backoff or Backoff()

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        query: Query = (),
        payload: Mapping[str, object] | None = None,
    ) -> bytes:
        """Do an operation and return the body of its answer.

        ``path`` is of unreserved characters and slashes. Throttling, failures of the server and broken connections are
        tried again. Raises AwsError.
        """
        body = b"" if payload is None else msgspec.json.encode(payload)
        return tried(
            self._name,
            operation,
            lambda: self._send(method, path, query, body),
            backoff=self._backoff,
            read=Answer.read,
            refusal_of=_refusal,
        )

    def _send(self, method: str, path: str, query: Query, body: bytes) -> Answer:
        headers = sign(
            method,
            path,
            query,
            {"host": self._endpoint.host, "content-type": "application/json"},
            payload_digest=hashlib.sha256(body).hexdigest(),
            service=self._service,
            region=self._region,
            credentials=self._credentials(),
            now=self._clock(),
        )
        target = f"{path}?{encode_query(query)}" if query else path
        return self._endpoint.request(method, target, headers, body)


class _RefusalBody(msgspec.Struct):
    type: str = msgspec.field(default="", name="__type")
    message: str = ""
    capital_message: str = msgspec.field(default="", name="Message")


def _refusal(answer: Answer) -> Refusal:
    """Return AWS's name for an error, which stands in a header, and its words."""
    named = answer.header("x-amzn-errortype") or ""
    try:
        body = msgspec.json.decode(answer.read(), type=_RefusalBody)
    except msgspec.DecodeError:
        body = _RefusalBody()
    kind = named.partition(":")[0] or body.type.rpartition("#")[2] or f"HTTP {answer.status}"
    return Refusal(kind, body.message or body.capital_message)
