"""Where a step of the import workflow enters: payload in, one service, payload out."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from waybill.domain.errors import ImportGone, ImportNotFound, ImportNotRunning, InputRefused, WaybillError
from waybill.entry.bootstrap import Wiring, wiring
from waybill.entry.observability import logger, place_of
from waybill.entry.task import Context, LambdaBudget, UnforeseenError
from waybill.ports import ImportFailure


@dataclass(frozen=True, slots=True)
class ImportInvocation:
    """One invocation of a step. ``payload`` is what the state machine sent."""

    tenant: str
    import_id: str
    payload: Mapping[str, Any]
    budget: LambdaBudget
    wiring: Wiring


def import_step(run: Callable[[ImportInvocation], object]) -> Callable[[dict[str, Any], Context], object]:
    """Make a Lambda handler of a function that takes an ImportInvocation.

    A WaybillError leaves its sentence and its code with the import, for FailImport, because the state machine knows its
    name alone; then it goes on to the state machine, which retries by the name.
    """

    @functools.wraps(run)
    def handler(event: dict[str, Any], context: Context) -> object:
        parts = wiring()
        tenant, import_id = str(event["tenant"]), str(event["import_id"])
        log = logger()
        log.append_keys(import_id=import_id, request_id=context.aws_request_id)
        try:
            return run(ImportInvocation(tenant, import_id, event, LambdaBudget(context), parts))
        except WaybillError as error:
            failure = _failure(error)
            # The sentence about an input may repeat what its sender wrote, so its code must do.
            of_ours = {} if isinstance(error, InputRefused) else {"detail": str(error)}
            log.warning("step failed", extra={"code": failure.code, **of_ours})
            if not isinstance(error, ImportGone | ImportNotFound | ImportNotRunning):
                parts.imports.note_failure(tenant, import_id, failure)
            raise
        except Exception as error:
            raise UnforeseenError(type(error).__name__, place_of(error)) from None
        finally:
            parts.metrics.flush()

    return handler


def _failure(error: WaybillError) -> ImportFailure:
    """Return what the person who asked for the import is told."""
    if isinstance(error, InputRefused):
        return ImportFailure(str(error), error.reason)
    return ImportFailure(f"{error} If that stays so, tell the operator the import's id.", error.code)
