"""Step FailImport: leaves a failed import in state error."""

from waybill.entry.import_task import ImportInvocation, import_step
from waybill.services.fail_import import fail_import


@import_step
def handler(call: ImportInvocation) -> object:
    """Answer nothing; the state machine ends in Fail."""
    fail_import(
        call.tenant,
        call.import_id,
        str(call.payload["error"].get("Error", "unknown error")),
        undo=int(call.payload["undo"]),
        imports=call.wiring.imports,
        archives=call.wiring.archives,
        clock=call.wiring.clock,
        metrics=call.wiring.metrics,
    )
    return {}
