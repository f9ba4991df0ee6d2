"""POST /move/imports: create an import."""

from http import HTTPStatus

from waybill.entry.http import Answer, Request, route
from waybill.entry.idempotency_key import idempotency_key
from waybill.entry.import_document import RESOURCE_TYPE, import_document, import_path, import_retry_after
from waybill.entry.import_request import import_request
from waybill.entry.jsonapi_body import read_attributes
from waybill.services.create_import import create_import


@route(scope="imports.create")
def handler(request: Request) -> Answer:
    """Answer 202 with the import and where to watch it."""
    attributes = read_attributes(request, RESOURCE_TYPE)
    asked = import_request(attributes, allow_private=request.wiring.settings.import_allow_private)
    created = create_import(
        request.tenant,
        asked.options,
        pointers=asked.pointers,
        idempotency_key=idempotency_key(request),
        most_running=request.wiring.settings.max_running_imports,
        catalog=request.wiring.catalog,
        imports=request.wiring.imports,
        uploads=request.wiring.uploads,
        archives=request.wiring.archives,
        workflow=request.wiring.import_workflow,
        clock=request.wiring.clock,
        metrics=request.wiring.metrics,
    )
    job = created.job
    replayed = {"idempotent-replayed": "true"} if created.replayed else {}
    headers = {"location": import_path(job), **import_retry_after(job), **replayed}
    return Answer(HTTPStatus.ACCEPTED, import_document(job), headers=headers)
