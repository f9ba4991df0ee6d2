"""The Jobs table's stream, when its TTL removes exports and imports: remove all else of them.

One function does both, because no more than two may read the stream at a time, and PublishChange is the other.
"""

from waybill.entry.event import on_event
from waybill.entry.removal import ImportRemoval, Removal, each_removal
from waybill.services.expire_export import expire_export
from waybill.services.expire_import import expire_import


def _export(removal: Removal) -> object:
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


def _import(removal: ImportRemoval) -> object:
    return expire_import(
        removal.job.tenant,
        removal.job.id,
        known=removal.job,
        imports=removal.wiring.imports,
        workflow=removal.wiring.import_workflow,
        archives=removal.wiring.archives,
        clock=removal.wiring.clock,
        metrics=removal.wiring.metrics,
    )


handler = on_event(each_removal(exports=_export, imports=_import))
