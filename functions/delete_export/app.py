"""DELETE /move/exports/{id}: delete an export for good."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.delete_export import delete_export


@route(scope="exports.delete")
def handler(request: Request) -> Answer:
    """Answer 204 when every object of the export is gone."""
    delete_export(
        request.tenant,
        request.export_id,
        jobs=request.wiring.jobs,
        workflow=request.wiring.workflow,
        archives=request.wiring.archives,
    )
    return Answer(HTTPStatus.NO_CONTENT)
