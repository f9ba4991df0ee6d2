"""Step FinishExport: checks the ledger and publishes."""

from dataclasses import asdict

from waybill.entry.task import Invocation, step
from waybill.services.finish_export import finish_export


@step
def handler(call: Invocation) -> object:
    """Answer that the export is done, or with the list of batches that are still to be packed."""
    return asdict(
        finish_export(
            call.tenant,
            call.export_id,
            jobs=call.wiring.jobs,
            archives=call.wiring.archives,
            signer=call.wiring.signer,
            clock=call.wiring.clock,
            chains=call.wiring.chains,
            schedules=call.wiring.schedules,
            metrics=call.wiring.metrics,
        )
    )
