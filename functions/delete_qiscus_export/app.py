"""DELETE /api/v2.1/rest/exports/{unique_id}: delete an export for good, in the Qiscus dialect."""

from waybill.entry.http import Answer, Request, route
from waybill.entry.qiscus import QISCUS, success
from waybill.entry.qiscus_document import history
from waybill.services.delete_qiscus_export import delete_qiscus_export


@route(scope="exports.delete", dialect=QISCUS)
def handler(request: Request) -> Answer:
    """Answer with the export as it was, when every object of it is gone."""
    shown = delete_qiscus_export(
        request.tenant,
        request.path["unique_id"],
        jobs=request.wiring.jobs,
        workflow=request.wiring.workflow,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
    )
    return success(history(shown, request))
