"""Where a step of a workflow enters: payload in, one service, payload out."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from waybill.domain.errors import (
    BaselineUnreadable,
    ExportGone,
    ExportNotFound,
    ExportNotRunning,
    InvalidOptions,
    LedgerMismatch,
    TooManyParts,
    WaybillError,
)
from waybill.entry.bootstrap import Wiring, wiring
from waybill.entry.observability import logger, place_of
from waybill.services.note_failure import note_failure

RESERVE_MS = 60_000
"""What a step keeps back of its Lambda time to write its checkpoint and answer."""


class Context(Protocol):
    """What Lambda tells about an invocation."""

    @property
    def aws_request_id(self) -> str:
        """The id of the invocation."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        ...


class LambdaBudget:
    """The port Budget on Lambda's clock: spent when only RESERVE_MS are left."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def spent(self) -> bool:
        """Whether the step should stop at the next safe point."""
        return self._context.get_remaining_time_in_millis() <= RESERVE_MS


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation of a step. ``payload`` is what the state machine sent."""

    tenant: str
    export_id: str
    payload: Mapping[str, Any]
    budget: LambdaBudget
    wiring: Wiring


class UnforeseenError(Exception):
    """A fault of ours in a step. It has the fault's kind and place, but not its text, which may hold personal data."""


def _sentence(error: WaybillError) -> str:
    """Return what the person who asked for the export is told."""
    if isinstance(error, TooManyParts | LedgerMismatch | InvalidOptions | BaselineUnreadable):
        return str(error)
    return f"{error} Retry the export; if that fails too, tell the operator its id."


def step(run: Callable[[Invocation], object]) -> Callable[[dict[str, Any], Context], object]:
    """Make a Lambda handler of a function that takes an Invocation.

    A WaybillError leaves its sentence with the job, for FailExport, because a failing Distributed Map hides what its
    items said; then it goes on to the state machine, which retries by the error's name.
    """

    @functools.wraps(run)
    def handler(event: dict[str, Any], context: Context) -> object:
        parts = wiring()
        tenant, export_id = str(event["tenant"]), str(event["export_id"])
        log = logger()
        log.append_keys(export_id=export_id, request_id=context.aws_request_id)
        try:
            return run(Invocation(tenant, export_id, event, LambdaBudget(context), parts))
        except WaybillError as error:
            log.warning("step failed", extra={"code": error.code, "detail": str(error)})
            if not isinstance(error, ExportGone | ExportNotFound | ExportNotRunning):
                note_failure(tenant, export_id, _sentence(error), attempt=event.get("attempt"), jobs=parts.jobs)
            raise
        except Exception as error:
            raise UnforeseenError(type(error).__name__, place_of(error)) from None
        finally:
            parts.metrics.flush()

    return handler
