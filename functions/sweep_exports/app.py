"""Every hour: put in order what nothing else has."""

from dataclasses import asdict

from waybill.entry.event import Happening, on_event
from waybill.entry.observability import logger
from waybill.services.sweep_exports import sweep_exports


@on_event
def handler(hour: Happening) -> object:
    """Answer, and log, what was done in numbers."""
    swept = asdict(
        sweep_exports(
            jobs=hour.wiring.jobs,
            workflow=hour.wiring.workflow,
            archives=hour.wiring.archives,
            clock=hour.wiring.clock,
            metrics=hour.wiring.metrics,
            budget=hour.budget,
            chains=hour.wiring.chains,
            schedules=hour.wiring.schedules,
        )
    )
    logger().info("swept", extra=swept)
    return swept
