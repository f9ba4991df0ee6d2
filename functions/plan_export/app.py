"""Step PlanExport: cuts the chosen doctypes into shards."""

from dataclasses import asdict

from waybill.entry.task import Invocation, step
from waybill.services.plan_export import plan_export


@step
def handler(call: Invocation) -> object:
    """Answer with the list of batches to read."""
    return asdict(
        plan_export(
            call.tenant,
            call.export_id,
            catalog=call.wiring.catalog,
            sources=call.wiring.sources,
            jobs=call.wiring.jobs,
            archives=call.wiring.archives,
            budget=call.budget,
            clock=call.wiring.clock,
        )
    )
