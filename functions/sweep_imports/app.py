"""Every hour: put in order what nothing else has of imports."""

from dataclasses import asdict

from waybill.entry.event import Happening, on_event
from waybill.entry.observability import logger
from waybill.services.sweep_imports import sweep_imports


@on_event
def handler(hour: Happening) -> object:
    """Answer, and log, what was done in numbers."""
    swept = asdict(
        sweep_imports(
            imports=hour.wiring.imports,
            workflow=hour.wiring.import_workflow,
            archives=hour.wiring.archives,
            clock=hour.wiring.clock,
            metrics=hour.wiring.metrics,
            budget=hour.budget,
        )
    )
    logger().info("swept", extra=swept)
    return swept
