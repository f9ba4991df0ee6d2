"""Which addresses Waybill asks that somebody else has chosen: those of the public internet, not of its own network.

A webhook, a link to import from, a download that another system names: without this whoever chooses the address could
let Waybill ask servers that only it can reach (server-side request forgery). The address is checked when it is set, and
what its host's name stands for when it is used.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from waybill.domain.errors import InvalidAddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_CHARACTERS = 2048

_PLAIN = re.compile(r"[!-~]+")
"""Printable ASCII without blanks: what a URL consists of (RFC 3986, section 2)."""

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_MOST_NAME = 253
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_NOT_PUBLIC = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "onion")
"""Names that public resolvers do not know (RFC 6761, RFC 6762, RFC 8375, and what private networks use)."""

_UNICAST = ipaddress.IPv6Network("2000::/3")

_HTTPS = 443
_LEAST_FREE_PORT = 1024
"""Below it are the ports of mail, shells and directories, which nothing here has any business with."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A checked address. ``host`` has no brackets.

    ``target`` is what the request line names, path and query. It may be a secret, so it is not shown.
    """

    secure: bool
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def authority(self) -> str:
        """What the header ``Host`` says (RFC 9110, section 7.2): the port only if it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _HTTPS if self.secure else 80
        return host if self.port == usual else f"{host}:{self.port}"


def web_address(url: str, *, allow_private: bool, most: int = MOST_CHARACTERS) -> WebAddress:
    """Return the address that a URL of at most ``most`` characters is.

    Raises InvalidAddress if it is not an ``https`` URL of a public host. With ``allow_private``, which an operator
    decides, ``http`` and any host and port will do.
    """
    parts, port = _split(url, most)
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise InvalidAddress("The address must begin with https://.")
    if parts.username is not None or parts.password is not None:
        raise InvalidAddress("The address must not have a user name or password in it.")
    if parts.fragment:
        raise InvalidAddress("The address must not have a fragment (#…): no server gets to see it.")
    host = parts.hostname or ""
    if not allow_private:
        if port != _HTTPS and port < _LEAST_FREE_PORT:
            raise InvalidAddress(f"The port must be {_HTTPS}, or {_LEAST_FREE_PORT} or more.")
        _check_host(host)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebAddress(parts.scheme == "https", host, port, target)


def is_public(address: IpAddress) -> bool:
    """Whether an IP address is one of the public internet.

    Private, loopback, link-local, shared, reserved, documentation and multicast ranges are not (IANA's special-purpose
    address registries, as the standard library has them). Of IPv6 only 2000::/3 is handed out (RFC 4291, section 2.4),
    which leaves out what wraps an IPv4 address but for 6to4, which is past its time (RFC 7526).
    """
    if isinstance(address, ipaddress.IPv6Address) and (address not in _UNICAST or address.sixtofour is not None):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _split(url: str, most: int) -> tuple[SplitResult, int]:
    if len(url) > most:
        raise InvalidAddress(f"The address has more than {most} characters.")
    if not _PLAIN.fullmatch(url) or "\\" in url:
        raise InvalidAddress(
            "The address has characters that no URL has. Write the host's name in ASCII (xn--…) and escape the rest."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidAddress("The address is not a URL: its host or port cannot be read.") from None
    if not parts.hostname or parts.netloc.endswith(":") or port == 0:
        raise InvalidAddress("The address is not a URL: it has no host, or no port behind the colon.")
    if port is None:
        port = _HTTPS if parts.scheme == "https" else 80
    return parts, port


def _check_host(host: str) -> None:
    """Refuse what is not a public name or IP address.

    A name that ends in a number is an IPv4 address to many resolvers, in forms that hide it, such as ``127.1`` or
    ``0x7f000001`` (WHATWG URL, "ends in a number checker"); only four plain numbers are taken.
    """
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        literal = None
    if literal is not None:
        if not is_public(literal) or "%" in host:
            raise InvalidAddress("The address leads into a private or reserved network.")
        return
    labels = host.split(".")
    if len(host) > _MOST_NAME or not all(map(_LABEL.fullmatch, labels)) or _NUMBER.fullmatch(labels[-1]):
        raise InvalidAddress("The address is not a URL: its host is neither a name nor a plain IP address.")
    if len(labels) == 1 or host.endswith(tuple(f".{name}" for name in _NOT_PUBLIC)):
        raise InvalidAddress("The host of the address is not a public name.")
