"""The Jobs table's stream: tells the world of every change of an export's state."""

from functools import partial

from waybill.entry.event import Happening, on_event
from waybill.entry.job_stream import each_change
from waybill.services.publish_change import publish_change


@on_event
def handler(happening: Happening) -> object:
    """Answer with the first record that could not be published, if there is one."""
    publish = partial(
        publish_change,
        bus=happening.wiring.bus,
        webhooks=happening.wiring.webhooks,
        workflow=happening.wiring.webhook_workflow,
        schedules=happening.wiring.schedules,
        jobs=happening.wiring.jobs,
        metrics=happening.wiring.metrics,
    )
    return each_change(happening, publish)
