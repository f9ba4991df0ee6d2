"""A schedule has fired: start its export."""

from waybill.entry.event import Happening, on_event
from waybill.entry.firing_event import read_firing
from waybill.services.run_schedule import run_schedule


@on_event
def handler(happening: Happening) -> object:
    """Answer nothing; what became of it stands with the schedule."""
    run_schedule(
        read_firing(happening.payload),
        schedules=happening.wiring.schedules,
        scheduler=happening.wiring.scheduler,
        quota=happening.wiring.settings.quota,
        catalog=happening.wiring.catalog,
        jobs=happening.wiring.jobs,
        chains=happening.wiring.chains,
        workflow=happening.wiring.workflow,
        clock=happening.wiring.clock,
        metrics=happening.wiring.metrics,
    )
    return {}
