"""Requests to the receivers of webhooks: to the very address that was checked, for fifteen seconds, along no redirect.

The host's name is looked up once, every address that it stands for is checked, and the connection goes to one of these.
So a name that means another server a moment later (DNS rebinding) leads nowhere. The certificate is checked against the
name all the same.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from waybill.domain.errors import InvalidWebhookAddress
from waybill.domain.webhook import Outcome
from waybill.domain.webhook_address import WebhookAddress, is_public, webhook_address

SECONDS = 15.0
"""For the connection, and again for request and answer as a whole (Standard Webhooks, "Request timeouts": 15 to 30)."""

MOST_ANSWER = 64 * 1024
"""Bytes of an answer that are read. Nothing in it is looked at but its status."""

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the IP addresses that a host's name stands for. Raises OSError if it stands for none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


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
        self._allow_private = allow_private
        self._resolve = resolve
        self._trust = trust
        self._seconds = seconds

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send one request and say what came of it: the status, or why there is none."""
        try:
            address = webhook_address(url, allow_private=self._allow_private)
            return self._ask(address, self._addresses(address), headers, body)
        except InvalidWebhookAddress:
            return Outcome(None, "private_address")
        except socket.gaierror:
            return Outcome(None, "unknown_host")
        except ssl.SSLError:
            return Outcome(None, "tls_failed")
        except TimeoutError:
            return Outcome(None, "timeout")
        except (OSError, http.client.HTTPException, ValueError):
            return Outcome(None, "no_answer")

    def _addresses(self, address: WebhookAddress) -> Sequence[str]:
        """Return what the host stands for. Raises InvalidWebhookAddress if any of it is not public."""
        found = self._resolve(address.host, address.port)
        if not self._allow_private and not all(is_public(ipaddress.ip_address(each)) for each in found):
            raise InvalidWebhookAddress("The host of the address stands for a private or reserved network.")
        return found

    def _ask(
        self, address: WebhookAddress, addresses: Sequence[str], headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        connected = self._secured(self._connect(addresses, address.port), address)
        late = threading.Event()

        def give_up() -> None:
            late.set()
            with suppress(OSError):
                socket.socket.shutdown(connected, socket.SHUT_RDWR)  # of the connection, beneath TLS

        # A receiver that sends a byte now and then would keep every single wait short.
        watch = threading.Timer(self._seconds, give_up)
        watch.daemon = True
        watch.start()
        try:
            return Outcome(_exchange(connected, address, headers, body))
        except (OSError, http.client.HTTPException):
            if late.is_set():
                raise TimeoutError from None
            raise
        finally:
            watch.cancel()
            connected.close()

    def _connect(self, addresses: Sequence[str], port: int) -> socket.socket:
        """Return a connection to the first of these that takes one."""
        refusal: OSError = ConnectionError("The host stands for no address.")
        for each in addresses:
            try:
                return socket.create_connection((each, port), timeout=self._seconds / len(addresses))
            except OSError as error:
                refusal = error
        raise refusal

    def _secured(self, connected: socket.socket, address: WebhookAddress) -> socket.socket:
        """Return the connection in TLS if it is to be, before the handshake."""
        connected.settimeout(self._seconds)
        if not address.secure:
            return connected
        context = self._trust or ssl.create_default_context()
        return context.wrap_socket(connected, server_hostname=address.host, do_handshake_on_connect=False)


def _exchange(connected: socket.socket, address: WebhookAddress, headers: Mapping[str, str], body: bytes) -> int:
    """Send the request and return the status of the answer, once a bounded part of its body is read."""
    if isinstance(connected, ssl.SSLSocket):
        connected.do_handshake()
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.sock = connected
    connection.request("POST", address.target, body, {"host": address.authority, "connection": "close", **headers})
    with connection.getresponse() as response:
        with suppress(OSError, http.client.HTTPException):
            response.read(MOST_ANSWER)
        return response.status
