"""What people are told when an API cannot be read: which system, which request, what happened, what to do."""

import socket
import ssl
from http import HTTPStatus

from waybill.domain.errors import SourceUnavailable

_ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "The secret that the catalog names for it is not taken: look whether it is right.",
    HTTPStatus.FORBIDDEN: "The account that the secret names may not read this: give it the right to.",
    HTTPStatus.NOT_FOUND: "Look whether the url in the catalog is that of the API.",
    HTTPStatus.TOO_MANY_REQUESTS: "It wants fewer requests: set a smaller number of requests in the catalog.",
}
_SERVER_ERROR = 500


class RequestRefused(SourceUnavailable):
    """An API answered a request with a status that the source cannot go on with.

    ``status`` is that status, ``body`` the beginning of the answer, which may hold anything and goes into no message.
    """

    def __init__(self, asked: str, status: int, *, times: int = 1, body: bytes = b"") -> None:
        again = f", {times} times" if times > 1 else ""
        super().__init__(f"{asked} was answered with {status}{again}. {_advice(status)}".rstrip())
        self.status = status
        self.body = body


def _advice(status: int) -> str:
    if status >= _SERVER_ERROR:
        return "What was read until then is kept."
    return _ADVICE.get(status, "")


class NoAnswer(SourceUnavailable):
    """An API could not be asked, or its answer broke off."""

    def __init__(self, asked: str, error: Exception, *, times: int = 1) -> None:
        again = f" It was tried {times} times." if times > 1 else ""
        super().__init__(f"{asked} got no answer: {why(error)}.{again}")


def why(error: Exception) -> str:
    """Return the end of a sentence that says why a connection failed. It holds nothing that was sent."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    match cause:
        case socket.gaierror():
            return "there is no host of this name, so look at the url in the catalog"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted ({cause.verify_message})"
        case ssl.SSLError():
            return "no TLS connection to it could be made"
        case ConnectionRefusedError():
            return "it refuses connections, so look whether it runs, and at the url in the catalog"
        case TimeoutError():
            return "it was silent for too long"
    return "the connection broke off"


def is_final(error: Exception) -> bool:
    """Whether trying again cannot help: the other side is not who it should be."""
    return isinstance(error.__cause__ or error, ssl.SSLCertVerificationError)
