"""Step StageImport: turns what was sent into rows and contents."""

from waybill.entry.import_task import ImportInvocation, import_step
from waybill.services.stage_import import stage_import


@import_step
def handler(call: ImportInvocation) -> object:
    """Answer whether all inputs are staged."""
    wiring = call.wiring
    done = stage_import(
        call.tenant,
        call.import_id,
        imports=wiring.imports,
        catalog=wiring.catalog,
        archives=wiring.archives,
        uploads=wiring.uploads,
        inputs_client=wiring.inputs_client,
        verifier=wiring.verifier,
        budget=call.budget,
        clock=wiring.clock,
        limits=wiring.settings.import_limits,
    )
    return {"done": done}
