"""PUT /move/schedules/{name}: make or replace a schedule."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.jsonapi_body import read_attributes
from waybill.entry.schedule_document import RESOURCE_TYPE, schedule_document, schedule_path
from waybill.entry.schedule_request import schedule_terms
from waybill.services.put_schedule import put_schedule

_STATUS = {True: HTTPStatus.CREATED, False: HTTPStatus.OK}


@route(scope="exports.create")
def handler(request: Request) -> Answer:
    """Answer 201 with a new schedule, or 200 with one that was replaced."""
    view, is_new = put_schedule(
        request.tenant,
        request.name,
        schedule_terms(
            read_attributes(request, RESOURCE_TYPE, request.name),
            most_days=request.wiring.settings.max_range_days,
        ),
        least=request.wiring.settings.least_between_runs,
        catalog=request.wiring.catalog,
        schedules=request.wiring.schedules,
        scheduler=request.wiring.scheduler,
        jobs=request.wiring.jobs,
        chains=request.wiring.chains,
        archives=request.wiring.archives,
        clock=request.wiring.clock,
    )
    return Answer(_STATUS[is_new], schedule_document(view), headers={"location": schedule_path(request.name)})
