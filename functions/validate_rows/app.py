"""Step ValidateRows: judges the rows of an import."""

from waybill.entry.import_task import ImportInvocation, import_step
from waybill.services.validate_rows import validate_rows


@import_step
def handler(call: ImportInvocation) -> object:
    """Answer whether all rows are judged."""
    wiring = call.wiring
    done = validate_rows(
        call.tenant,
        call.import_id,
        imports=wiring.imports,
        catalog=wiring.catalog,
        rules_of=wiring.rules_of,
        sink=wiring.sink,
        archives=wiring.archives,
        budget=call.budget,
        clock=wiring.clock,
    )
    return {"done": done}
