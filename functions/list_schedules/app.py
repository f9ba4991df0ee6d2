"""GET /move/schedules: list the caller's schedules."""

from http import HTTPStatus

from waybill.entry.export_list import PARAMETERS, read_page
from waybill.entry.http import Answer, Request, route
from waybill.entry.schedule_document import schedule_list
from waybill.services.list_schedules import list_schedules


@route(scope="exports.read", parameters=PARAMETERS)
def handler(request: Request) -> Answer:
    """Answer with one page, by name, and the link to the next."""
    size, after = read_page(request)
    page = list_schedules(
        request.tenant,
        limit=size,
        after=after,
        schedules=request.wiring.schedules,
        jobs=request.wiring.jobs,
        clock=request.wiring.clock,
    )
    return Answer(HTTPStatus.OK, schedule_list(page, size))
