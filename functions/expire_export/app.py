"""The Jobs table's stream, when its TTL removes exports: remove all else of them."""

from waybill.entry.event import on_event
from waybill.entry.removal import Removal, each_removal
from waybill.services.expire_export import expire_export


@on_event
@each_removal
def handler(removal: Removal) -> object:
    """Leave a tombstone where the export was."""
    return expire_export(
        removal.job.tenant,
        removal.job.id,
        known=removal.job,
        jobs=removal.wiring.jobs,
        workflow=removal.wiring.workflow,
        archives=removal.wiring.archives,
        clock=removal.wiring.clock,
        metrics=removal.wiring.metrics,
    )
