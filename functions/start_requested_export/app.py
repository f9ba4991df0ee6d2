"""Event waybill.export.requested: starts the export that it asks for."""

from waybill.entry.requested_export import Asked, on_request
from waybill.services.start_requested_export import start_requested_export


@on_request
def handler(asked: Asked) -> object:
    """Answer with the export's id."""
    job = start_requested_export(
        asked.export,
        quota=asked.wiring.settings.quota,
        catalog=asked.wiring.catalog,
        jobs=asked.wiring.jobs,
        workflow=asked.wiring.workflow,
        clock=asked.wiring.clock,
        metrics=asked.wiring.metrics,
    )
    return {"export_id": job.id}
