"""DELETE /move/schedules/{name}: delete a schedule; what it exported stays."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.services.delete_schedule import delete_schedule


@route(scope="exports.create")
def handler(request: Request) -> Answer:
    """Answer 204 when it fires no more."""
    delete_schedule(
        request.tenant,
        request.name,
        schedules=request.wiring.schedules,
        scheduler=request.wiring.scheduler,
        chains=request.wiring.chains,
        archives=request.wiring.archives,
    )
    return Answer(HTTPStatus.NO_CONTENT)
