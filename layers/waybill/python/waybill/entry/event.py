"""Where what happens elsewhere enters: a schedule that fires, a change of a table, an event on a bus."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from waybill.domain.errors import WaybillError
from waybill.entry.bootstrap import Wiring, wiring
from waybill.entry.observability import logger, place_of
from waybill.entry.task import Context, LambdaBudget, UnforeseenError


@dataclass(frozen=True, slots=True)
class Happening:
    """One invocation by an event source. ``payload`` is what it sent."""

    payload: Mapping[str, Any]
    budget: LambdaBudget
    wiring: Wiring


def on_event(run: Callable[[Happening], object]) -> Callable[[dict[str, Any], Context], object]:
    """Make a Lambda handler of a function that takes a Happening.

    Whatever it raises goes on to the event source, which tries again and then keeps the event in its dead-letter queue.
    An unforeseen error goes without its text, which may hold personal data.
    """

    @functools.wraps(run)
    def handler(event: dict[str, Any], context: Context) -> object:
        parts = wiring()
        log = logger()
        log.append_keys(request_id=context.aws_request_id)
        try:
            return run(Happening(event, LambdaBudget(context), parts))
        except WaybillError as error:
            log.warning("event not taken", extra={"code": error.code, "detail": str(error)})
            raise
        except Exception as error:
            raise UnforeseenError(type(error).__name__, place_of(error)) from None
        finally:
            parts.metrics.flush()

    return handler
