"""Create an import that the Qiscus dialect asks for."""

import hashlib

from waybill.domain.catalog import Catalog
from waybill.domain.errors import InvalidOptions
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.ports import Clock, ImportStore, ImportWorkflow, Metrics, ObjectStore, UploadStore
from waybill.services.create_import import ImportCreation, create_import


def create_qiscus_import(
    tenant: str,
    resource: str,
    name: str,
    file: bytes,
    *,
    idempotency_key: str | None,
    most_running: int,
    catalog: Catalog,
    imports: ImportStore,
    uploads: UploadStore,
    archives: ObjectStore,
    workflow: ImportWorkflow,
    clock: Clock,
    metrics: Metrics,
) -> ImportCreation:
    """Create an import of the rows of one resource type that are in a file called ``name``.

    A record that is there already makes its row fail, as seed 003 has it ("you must have no same data"). Raises
    InvalidOptions for a resource type that the catalog does not have, and whatever ``create_import`` raises.
    """
    if resource not in catalog.doctypes:
        raise InvalidOptions(f"type: {resource} are not imported here.", "/type")
    sent = ImportInput(InputKind.REQUEST, hashlib.sha256(file).hexdigest(), name, len(file))
    return create_import(
        tenant,
        ImportOptions((sent,), doctype=resource),
        pointers=("/file",),
        idempotency_key=idempotency_key,
        most_running=most_running,
        catalog=catalog,
        imports=imports,
        uploads=uploads,
        archives=archives,
        workflow=workflow,
        clock=clock,
        metrics=metrics,
        request_file=file,
    )
