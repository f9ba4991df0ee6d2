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
        attempt=int(call.payload.get("attempt", 0)),  # executions that an older release has started have none
        jobs=call.wiring.jobs,
        clock=call.wiring.clock,
        metrics=call.wiring.metrics,
    )
    return {}
