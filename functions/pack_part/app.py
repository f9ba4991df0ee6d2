"""Step PackPart: packs the parts of one batch."""

from waybill.entry.task import Invocation, step
from waybill.services.pack_part import pack_part


@step
def handler(call: Invocation) -> object:
    """Answer whether all parts of the batch are there."""
    done = pack_part(
        call.tenant,
        call.export_id,
        int(call.payload["batch"]),
        jobs=call.wiring.jobs,
        archives=call.wiring.archives,
        buckets=call.wiring.bucket,
        budget=call.budget,
        clock=call.wiring.clock,
    )
    return {"done": done}
