"""Ports that break off, or let somebody else come between, at one of the calls that a use case makes of them."""

from collections.abc import Callable
from typing import Any, Self

from waybill.domain.errors import StorageUnavailable

Call = Callable[[], Any]


class Fuse:
    """Counts the calls of the ports that are wired through it, and does ``then`` instead of the call ``at``, from 1.

    ``then`` is given that call and returns what it gives. It counts only as a context, ``with fuse:``.
    """

    def __init__(self, at: int, then: Callable[[Call], Any]) -> None:
        self._at = at
        self._then = then
        self._calls = 0
        self._armed = False

    def __enter__(self) -> Self:
        self._armed = True
        return self

    def __exit__(self, *_: object) -> None:
        self._armed = False

    @property
    def reached(self) -> bool:
        """Whether there were so many calls."""
        return self._calls >= self._at

    def wire(self, owner: object, *names: str) -> None:
        """Put it between these ports of the owner and whoever calls them."""
        for name in names:
            setattr(owner, name, _Wired(getattr(owner, name), self))

    def meet(self, call: Call) -> Any:
        """Make a call, or do what is to be done in its place."""
        self._calls += self._armed
        return self._then(call) if self._armed and self._calls == self._at else call()


class _Wired:
    def __init__(self, port: object, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        return lambda *arguments, **named: self._fuse.meet(lambda: found(*arguments, **named))


def before(call: Call) -> Any:
    """Break off before the call has done anything."""
    raise StorageUnavailable("It does not answer.")


def after(call: Call) -> Any:
    """Do the call and lose its answer."""
    call()
    raise StorageUnavailable("It does not answer.")
