"""Step PlanParts: assigns what was read to parts."""

from dataclasses import asdict

from waybill.entry.task import Invocation, step
from waybill.services.plan_parts import plan_parts


@step
def handler(call: Invocation) -> object:
    """Answer with the list of batches to pack, or of those that are still to be read."""
    return asdict(
        plan_parts(
            call.tenant,
            call.export_id,
            jobs=call.wiring.jobs,
            archives=call.wiring.archives,
            clock=call.wiring.clock,
        )
    )
