"""Step UndoRows: removes or restores what an import has written."""

from waybill.entry.import_task import ImportInvocation, import_step
from waybill.services.undo_rows import undo_rows


@import_step
def handler(call: ImportInvocation) -> object:
    """Answer whether everything is taken back."""
    done = undo_rows(
        call.tenant,
        call.import_id,
        imports=call.wiring.imports,
        catalog=call.wiring.catalog,
        sink=call.wiring.sink,
        archives=call.wiring.archives,
        budget=call.budget,
        clock=call.wiring.clock,
    )
    return {"done": done}
