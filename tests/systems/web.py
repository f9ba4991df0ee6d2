"""The port Web on a stand-in that needs no network: what a server answers becomes what ``adapters.public_web`` says."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol
from urllib.parse import urlsplit

from waybill.domain.errors import AddressUnavailable
from waybill.ports import Web


class Sent(Protocol):
    """An answer of a stand-in. One that is not ``whole`` breaks off."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> dict[str, str]: ...

    @property
    def body(self) -> Iterable[bytes]: ...

    @property
    def whole(self) -> bool: ...


class StandInWeb(Web):
    """Web that asks ``answer`` with a method, a target and headers. Nothing is tried again."""

    def __init__(self, answer: Callable[[str, str, dict[str, str]], Sent]) -> None:
        self._answer = answer

    def get(self, url: str, *, most: int) -> bytes:
        return b"".join(self.stream(url, most=most, seconds=1))

    def stream(self, url: str, *, most: int, seconds: float) -> Iterator[bytes]:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = self._answer("GET", target, {"host": parts.netloc, "accept": "*/*"})
        if sent.status != 200:
            after = sent.headers.get("retry-after")
            raise AddressUnavailable(
                f"The server answered {sent.status}.",
                status=sent.status,
                transient=sent.status in (429, 500, 503),
                retry_after=int(after) if after else None,
            )
        size = 0
        for chunk in sent.body:
            size += len(chunk)
            if size > most:
                raise AddressUnavailable(f"The server sends more than {most:,} bytes, which is the most.")
            yield chunk
        if not sent.whole:
            raise AddressUnavailable(f"The download broke off after {size:,} bytes.", transient=True)
