"""POST /api/v2.1/rest/imports: create an import, in the Qiscus dialect."""

from waybill.entry.http import Answer, Request, route
from waybill.entry.idempotency_key import idempotency_key
from waybill.entry.qiscus import QISCUS, success
from waybill.entry.qiscus_import_document import import_history
from waybill.entry.qiscus_import_request import MOST_BODY, read_file
from waybill.services.create_qiscus_import import create_qiscus_import


@route(scope="imports.create", dialect=QISCUS, most_body=MOST_BODY)
def handler(request: Request) -> Answer:
    """Answer 200 with the import's fields."""
    sent = read_file(request)
    created = create_qiscus_import(
        request.tenant,
        sent.resource,
        sent.name,
        sent.content,
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
    return success(import_history((created.job, None), request))
