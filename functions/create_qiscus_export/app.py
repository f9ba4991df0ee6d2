"""POST /api/v2.1/rest/exports: create an export, in the Qiscus dialect."""

from waybill.entry.http import Answer, Request, route
from waybill.entry.idempotency_key import idempotency_key
from waybill.entry.qiscus import QISCUS, success
from waybill.entry.qiscus_document import backup
from waybill.entry.qiscus_request import FIELDS, read_wanted
from waybill.services.create_qiscus_export import create_qiscus_export


@route(scope="exports.create", parameters=FIELDS, dialect=QISCUS)
def handler(request: Request) -> Answer:
    """Answer 200 with the export's fields."""
    wanted = read_wanted(request)
    created = create_qiscus_export(
        request.tenant,
        wanted.resource,
        wanted.start_date,
        wanted.end_date,
        time_zone=request.time_zone,
        most_days=request.wiring.settings.qiscus_max_range_days,
        idempotency_key=idempotency_key(request),
        quota=request.wiring.settings.quota,
        catalog=request.wiring.catalog,
        jobs=request.wiring.jobs,
        workflow=request.wiring.workflow,
        clock=request.wiring.clock,
        metrics=request.wiring.metrics,
    )
    replayed = {"idempotent-replayed": "true"} if created.replayed else {}
    return success(backup((created.job, created.progress), request), headers=replayed)
