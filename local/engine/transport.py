"""Patch 6: requests count as sent over TLS, as they are on AWS, so that TLS-only bucket policies can be deployed.

The engine speaks plain HTTP on the loopback interface of one machine, where there is no wire to protect, and it denies
by ``aws:SecureTransport`` as AWS does. A certificate of our own would have to be trusted by every client instead.
"""

import sys
from contextvars import ContextVar

from ministack.core import iam_evaluator

from local.engine.guard import ChangedEngineError, check_source

_LOOPBACK = "127.0.0.1"


def apply() -> None:
    """Let every request, and every call that the engine makes by itself, be one over TLS."""
    if "ministack.app" in sys.modules:
        raise ChangedEngineError("ministack imports its application earlier than the patch of its transport expects.")
    check_source(iam_evaluator.pin_request_origin, "de819c1bd9ac2be4")
    origin: ContextVar[tuple[str, bool]] = ContextVar("origin_over_tls", default=(_LOOPBACK, True))

    def pin_request_origin(source_ip: str, secure_transport: bool) -> None:  # noqa: ARG001, FBT001 - as the stock one
        origin.set((source_ip, True))

    iam_evaluator._request_origin = origin
    iam_evaluator.pin_request_origin = pin_request_origin
