"""Step LoadRows: writes the accepted rows of an import into the target."""

from waybill.entry.import_task import ImportInvocation, import_step
from waybill.services.load_rows import load_rows


@import_step
def handler(call: ImportInvocation) -> object:
    """Answer whether all accepted rows are written."""
    done = load_rows(
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
