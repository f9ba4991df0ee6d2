"""Step FinishImport: writes the rejected rows and the report, and sets the import done."""

from waybill.entry.import_task import ImportInvocation, import_step
from waybill.services.finish_import import finish_import


@import_step
def handler(call: ImportInvocation) -> object:
    """Answer nothing; the import is done."""
    finish_import(
        call.tenant,
        call.import_id,
        imports=call.wiring.imports,
        archives=call.wiring.archives,
        clock=call.wiring.clock,
        metrics=call.wiring.metrics,
    )
    return {}
