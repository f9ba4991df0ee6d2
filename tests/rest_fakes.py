"""Another system's API without a network: what ``sources.rest`` needs of connections, answered by a function.

``FakeApi(handler)`` is what a client connects with. The handler gets every request as it is sent, and returns a
``Told``, or raises what a connection raises. ``break_after`` of a ``Told`` breaks its body off.
"""

import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from tests.systems.exchange import Asked, Told

from waybill.domain.errors import SourceUnavailable
from waybill.sources.rest.timing import Timing


class FakeAnswer:
    """An answer that ``FakeApi`` gives."""

    def __init__(self, told: Told, done: Callable[[], None]) -> None:
        self.status = told.status
        self._told = told
        self._body = io.BytesIO(told.body)
        self._left = told.break_after
        self._done = done

    def header(self, name: str) -> str | None:
        return {key.lower(): value for key, value in self._told.headers.items()}.get(name)

    def read(self, size: int | None = None) -> bytes:
        if self._left is not None and (size is None or size > self._left):
            raise ConnectionResetError("reset")  # and what had come until then is lost, as in adapters.http
        data = self._body.read(-1 if size is None else size)
        if self._left is not None:
            self._left -= len(data)
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done()


class FakeApi:
    """Connections to any host, answered by ``handler``. ``asked`` is all that was sent, ``most`` how many at once."""

    def __init__(self, handler: Callable[[Asked], Told]) -> None:
        self._handler = handler
        self._lock = threading.Lock()
        self._in_flight = 0
        self.most = 0
        self.asked: list[Asked] = []

    def __call__(self, url: str, *, timeout: float) -> "FakeConnections":
        return FakeConnections(self, url)

    @property
    def targets(self) -> list[str]:
        return [each.target for each in self.asked]

    def answer(self, asked: Asked) -> FakeAnswer:
        with self._lock:
            self.asked.append(asked)
            self._in_flight += 1
            self.most = max(self.most, self._in_flight)
        try:
            return FakeAnswer(self._handler(asked), self._done)
        except BaseException:
            self._done()
            raise

    def _done(self) -> None:
        with self._lock:
            self._in_flight -= 1


@dataclass(frozen=True)
class FakeConnections:
    api: FakeApi
    origin: str

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> FakeAnswer:
        return self.api.answer(Asked(self.origin, method, target, dict(headers), body))


class FakeTime:
    """Time that passes only by sleeping. ``slept`` is how long, each time."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def timing(self, *, draw: float = 1.0, patience: float = 35.0) -> Timing:
        return Timing(
            sleep=self.slept.append,
            draw=lambda: draw,
            monotonic=lambda: sum(self.slept),
            now=lambda: self.now,
            patience=patience,
        )


class FakeSecrets:
    """Secrets (port Secrets), kept once they were read. ``reads`` is what was asked for, and whether afresh."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._known: dict[str, str] = {}
        self.reads: list[tuple[str, bool]] = []

    def change(self, name: str, value: str) -> None:
        """Put another value in place of a secret's."""
        self._values[name] = value

    def get(self, name: str, *, fresh: bool = False) -> str:
        self.reads.append((name, fresh))
        if name not in self._values:
            raise SourceUnavailable(f"The secret {name} cannot be read: there is none of this name.")
        if fresh or name not in self._known:
            self._known[name] = self._values[name]
        return self._known[name]
