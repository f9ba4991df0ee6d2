"""Step FailExport: leaves a failed export in state error."""

from waybill.entry.task import Invocation, step
from waybill.services.fail_export import fail_export


@step
def handler(call: Invocation) -> object:
    """Answer nothing; the state machine ends in Fail."""
    fail_export(
        call.tenant,
        call.export_id,
        str(call.payload["error"].get("Error", "unknown error")),
        jobs=call.wiring.jobs,
        clock=call.wiring.clock,
        metrics=call.wiring.metrics,
    )
    return {}
