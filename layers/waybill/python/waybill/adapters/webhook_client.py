"""Requests to the receivers of webhooks: to the very server that was checked, within 15 seconds, along no redirect."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress

from waybill.adapters.guarded_connection import GuardedConnector, Resolve, ended_after, resolve, sender
from waybill.domain.errors import InvalidAddress
from waybill.domain.web_address import WebAddress, web_address
from waybill.domain.webhook import Outcome

SECONDS = 15.0
"""For the connection, and again for request and answer as a whole (Standard Webhooks, "Request timeouts": 15 to 30)."""

MOST_ANSWER = 64 * 1024
"""Bytes of an answer that are read. Nothing in it is looked at but its status, and ``Retry-After``."""

_MOST_HEADER = 64


class DirectWebhookClient:
    """WebhookClient on the standard library.

    With ``allow_private``, which is for tests alone, ``http`` and private addresses are asked too.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._connector = GuardedConnector(allow_private=allow_private, seconds=seconds, resolve=resolve, trust=trust)
        self._seconds = seconds

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send one request and say what came of it: the status, or why there is none."""
        try:
            address = web_address(url, allow_private=self._connector.allow_private)
            connected = self._connector.connect(address)
            with ended_after(connected, self._seconds):
                return _exchange(connected, address, headers, body)
        except InvalidAddress:
            return Outcome(None, "private_address")
        except socket.gaierror:
            return Outcome(None, "unknown_host")
        except ssl.SSLError:
            return Outcome(None, "tls_failed")
        except TimeoutError:
            return Outcome(None, "timeout")
        except (OSError, http.client.HTTPException, ValueError):
            return Outcome(None, "no_answer")


def _exchange(connected: socket.socket, address: WebAddress, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Send the request and return what the answer says, once a bounded part of its body is read."""
    connection = sender(connected, address)
    connection.request("POST", address.target, body, {"host": address.authority, "connection": "close", **headers})
    with connection.getresponse() as response:
        with suppress(OSError, http.client.HTTPException):
            response.read(MOST_ANSWER)
        return Outcome(response.status, retry_after=response.getheader("retry-after", "")[:_MOST_HEADER])
