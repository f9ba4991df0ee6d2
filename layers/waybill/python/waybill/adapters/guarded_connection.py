"""Connections to addresses that somebody else has chosen: to the very server that was checked.

The host's name is looked up once, every address that it stands for is checked, and the connection goes to one of these.
So a name that means another server a moment later (DNS rebinding) leads nowhere. The certificate is checked against the
name all the same.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from waybill.domain.errors import InvalidAddress
from waybill.domain.web_address import WebAddress, is_public

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the IP addresses that a host's name stands for. Raises OSError if it stands for none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class GuardedConnector:
    """Makes connections. With ``allow_private`` it goes to private addresses too.

    ``trust`` says whose certificates are taken, default those that the system trusts. ``seconds`` is how long
    connecting may take, and how long the server may be silent afterwards.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        seconds: float,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.allow_private = allow_private
        self._seconds = seconds
        self._resolve = resolve
        self._trust = trust

    def connect(self, address: WebAddress) -> socket.socket:
        """Return a connection, in TLS if it is to be, before the handshake. Raises InvalidAddress or OSError."""
        connected = self._first(self._addresses(address), address.port)
        connected.settimeout(self._seconds)
        if not address.secure:
            return connected
        context = self._trust or ssl.create_default_context()
        return context.wrap_socket(connected, server_hostname=address.host, do_handshake_on_connect=False)

    def _addresses(self, address: WebAddress) -> Sequence[str]:
        """Return what the host stands for. Raises InvalidAddress if any of it is not public."""
        found = self._resolve(address.host, address.port)
        if not self.allow_private and not all(is_public(ipaddress.ip_address(each)) for each in found):
            raise InvalidAddress("The host of the address stands for a private or reserved network.")
        return found

    def _first(self, addresses: Sequence[str], port: int) -> socket.socket:
        """Return a connection to the first of these that takes one."""
        refusal: OSError = ConnectionError("The host stands for no address.")
        for each in addresses:
            try:
                return socket.create_connection((each, port), timeout=self._seconds / len(addresses))
            except OSError as error:
                refusal = error
        raise refusal


@contextmanager
def ended_after(connected: socket.socket, seconds: float) -> Iterator[None]:
    """End a connection after so many seconds, whatever it is at, and close it when the block is left.

    A server that sends a byte now and then would keep every single wait short. What fails because the time is up is a
    TimeoutError.
    """
    late = threading.Event()

    def give_up() -> None:
        late.set()
        with suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)  # of the connection, beneath TLS

    watch = threading.Timer(seconds, give_up)
    watch.daemon = True
    watch.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        watch.cancel()
        connected.close()


def sender(connected: socket.socket, address: WebAddress) -> http.client.HTTPConnection:
    """Return what speaks HTTP on a connection, after the handshake if it is one of TLS."""
    if isinstance(connected, ssl.SSLSocket):
        connected.do_handshake()
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.sock = connected
    return connection
