"""Step ReadChunk: reads the shards of one batch into segments."""

import msgspec

from waybill.domain.plan import ReadBatch
from waybill.entry.task import Invocation, step
from waybill.services.read_chunk import read_chunk


@step
def handler(call: Invocation) -> object:
    """Answer whether the batch is read to its end."""
    done = read_chunk(
        call.tenant,
        call.export_id,
        msgspec.convert(call.payload["batch"], ReadBatch),
        sources=call.wiring.sources,
        jobs=call.wiring.jobs,
        archives=call.wiring.archives,
        budget=call.budget,
        clock=call.wiring.clock,
        chains=call.wiring.chains,
    )
    return {"done": done}
