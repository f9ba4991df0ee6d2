"""GET /move/schedules/{name}: show one schedule."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.schedule_document import schedule_document
from waybill.services.get_schedule import get_schedule


@route(scope="exports.read")
def handler(request: Request) -> Answer:
    """Answer with the schedule, when it runs next, and what became of its last run."""
    view = get_schedule(
        request.tenant,
        request.name,
        schedules=request.wiring.schedules,
        jobs=request.wiring.jobs,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.OK, schedule_document(view))
