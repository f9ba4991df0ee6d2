"""Lead a caller to the rejected rows of an import."""

from datetime import timedelta

from waybill.domain.errors import FailuresNotFound, ImportNotReady
from waybill.domain.import_job import ImportState
from waybill.ports import Clock, ImportStore, ObjectStore
from waybill.services.get_import import get_import
from waybill.services.import_report import failures_file


def get_import_failures(
    tenant: str,
    import_id: str,
    doctype: str | None,
    *,
    imports: ImportStore,
    archives: ObjectStore,
    clock: Clock,
    lifetime: timedelta,
) -> str:
    """Return a presigned URL, made this second, of the rejected rows of a doctype; of the first one if it is None.

    Raises ImportNotFound, ImportGone, ImportNotReady while the import runs, and FailuresNotFound if there are none.
    """
    job, report = get_import(tenant, import_id, imports=imports, archives=archives, clock=clock)
    if job.state is ImportState.IMPORTING:
        raise ImportNotReady("This import is still running. Ask again when it has ended.")
    files = {name: each.failures for name, each in report.doctypes.items() if each.failures} if report else {}
    file = files.get(doctype) if doctype is not None else next(iter(files.values()), None)
    if file is None:
        which = "" if doctype is None else " of this doctype"
        raise FailuresNotFound(f"This import has no rejected rows{which}.")
    return archives.presign(failures_file(job.id, file), expires_in=lifetime)
