"""Checks that stand before every patch, so that a changed engine stops the start instead of misbehaving later."""

import hashlib
import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

SUPPORTED = "1.5.33"


class ChangedEngineError(Exception):
    """The installed engine is not the one that the patches were written for."""


def check_version() -> None:
    """Raise ChangedEngineError unless the installed ministack is the supported one."""
    found = version("ministack")
    if found != SUPPORTED:
        raise ChangedEngineError(
            f"ministack {found} is installed, but the patches in local/engine were written for {SUPPORTED}. "
            f"Install {SUPPORTED}, or read the patches against {found} and raise SUPPORTED in local/engine/guard.py."
        )


def check_parameters(function: Callable[..., Any], *expected: str) -> None:
    """Raise ChangedEngineError unless ``function`` takes exactly the ``expected`` parameters."""
    found = tuple(inspect.signature(function).parameters)
    if found != expected:
        raise ChangedEngineError(
            f"ministack's {function.__qualname__} takes {found}, but the patch of it expects {expected}."
        )


def check_text(text: str, *fragments: str, what: str) -> None:
    """Raise ChangedEngineError unless each of ``fragments`` stands exactly once in ``text``."""
    for fragment in fragments:
        if text.count(fragment) != 1:
            raise ChangedEngineError(
                f"ministack's {what} has {text.count(fragment)} times what the patch of it replaces once: {fragment!r}."
            )


def fingerprint(function: Callable[..., Any]) -> str:
    """Return the digest of a function's source, or that there is none."""
    try:
        return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]
    except (OSError, TypeError):
        return "not to be had"


def check_source(function: Callable[..., Any], expected: str) -> None:
    """Raise ChangedEngineError unless the source of ``function`` is the one with the fingerprint ``expected``."""
    found = fingerprint(function)
    if found != expected:
        raise ChangedEngineError(
            f"ministack's {function.__qualname__} has changed (its source is {found}, expected {expected}); "
            "the patch of it has to be read against the new source."
        )
