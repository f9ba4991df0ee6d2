"""Step FinishUndo: sets the import undone."""

from waybill.entry.import_task import ImportInvocation, import_step
from waybill.services.finish_undo import finish_undo


@import_step
def handler(call: ImportInvocation) -> object:
    """Answer nothing; the import is undone."""
    finish_undo(
        call.tenant,
        call.import_id,
        imports=call.wiring.imports,
        archives=call.wiring.archives,
        clock=call.wiring.clock,
        metrics=call.wiring.metrics,
    )
    return {}
