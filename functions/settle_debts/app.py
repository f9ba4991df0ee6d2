"""Every hour: give back what exports that have ended still hold in other systems."""

from dataclasses import asdict

from waybill.entry.event import Happening, on_event
from waybill.entry.observability import logger
from waybill.services.settle_debts import settle_debts


@on_event
def handler(hour: Happening) -> object:
    """Answer, and log, what was done in numbers."""
    settled = asdict(
        settle_debts(
            catalog=hour.wiring.catalog,
            sources=hour.wiring.sources,
            jobs=hour.wiring.jobs,
            archives=hour.wiring.archives,
            clock=hour.wiring.clock,
            metrics=hour.wiring.metrics,
            budget=hour.budget,
        )
    )
    logger().info("settled", extra=settled)
    return settled
