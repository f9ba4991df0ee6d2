"""Bring all inputs of an import into the bucket: files that were sent lie there already, URLs are fetched."""

from waybill.domain import import_keys
from waybill.domain.arrival_codes import ArrivalCode
from waybill.domain.errors import InputRefused, UploadNotFound
from waybill.domain.import_job import ImportJob
from waybill.domain.import_limits import MOST_INPUTS, ImportLimits
from waybill.domain.upload import UploadState
from waybill.domain.upload_keys import upload_object
from waybill.intake.cozy_link import CozyPart, CozyUnavailable, check_part
from waybill.ports import Budget, Clock, InputsClient, ObjectInfo, ObjectStore, UploadStore
from waybill.services.fetch_input import fetch_input
from waybill.services.staging_state import Fetching, Staging, StoredInput, Wanted
from waybill.services.stored_part import StoredPart


def gather_inputs(
    state: Staging,
    job: ImportJob,
    *,
    limits: ImportLimits,
    archives: ObjectStore,
    uploads: UploadStore,
    client: InputsClient,
    budget: Budget,
    clock: Clock,
) -> bool:
    """Move what is wanted to what is stored. Return False if the budget was spent first. Raises InputRefused."""
    while state.wanted:
        if len(state.wanted) + len(state.stored) > MOST_INPUTS:
            raise InputRefused(f"An import has {MOST_INPUTS:,} inputs at most.", ArrivalCode.TOO_MANY_INPUTS)
        wanted = state.wanted[0]
        number = len(state.stored)
        if wanted.key:
            stored = _stored(number, wanted.name, wanted.key, archives)
        elif wanted.upload:
            stored = _uploaded(wanted, number, job.tenant, archives=archives, uploads=uploads, clock=clock)
        elif _is_link(state, client):
            continue
        else:
            key = import_keys.fetched(job.id, number)
            state.fetching = state.fetching or Fetching(wanted.name)
            if not fetch_input(
                wanted.url,
                key,
                state.fetching,
                most=limits.input_bytes,
                client=client,
                archives=archives,
                budget=budget,
            ):
                return False
            stored = _stored(number, state.fetching.name, key, archives)
            if wanted.parts:
                _check_part(wanted, stored, archives)
            state.fetching = None
        state.stored.append(stored)
        state.wanted.pop(0)
        if state.wanted and budget.spent():
            return False
    return True


def _is_link(state: Staging, client: InputsClient) -> bool:
    """Put the parts of an export in the place of the link to it. Return False if the next URL is no such link."""
    wanted = state.wanted[0]
    parts = None if wanted.parts or state.fetching is not None else client.parts(wanted.url)
    if parts is None:
        return False
    found = [Wanted(url=part.url, name=part.name, number=part.number, parts=part.parts) for part in parts]
    state.wanted[:1] = found
    return True


def _check_part(wanted: Wanted, stored: StoredInput, archives: ObjectStore) -> None:
    """Refuse what is no part, and an export that was emptied, which would look like one without any data."""
    try:
        check_part(CozyPart(wanted.number, wanted.parts, ""), stored.size, StoredPart(archives, stored).read_at)
    except CozyUnavailable as error:
        raise InputRefused(str(error), ArrivalCode.EXPORT_UNREADABLE) from None


def _uploaded(
    wanted: Wanted, number: int, tenant: str, *, archives: ObjectStore, uploads: UploadStore, clock: Clock
) -> StoredInput:
    try:
        upload = uploads.get(tenant, wanted.upload)
    except UploadNotFound:
        raise _missing() from None
    if clock() >= upload.expires_at:
        raise _missing()
    if upload.state is not UploadState.COMPLETE:
        sentence = "An upload is not complete. Send what is missing of it, complete it, and create the import again."
        raise InputRefused(sentence, ArrivalCode.UPLOAD_INCOMPLETE)
    stored = _stored(number, upload.name, upload_object(upload.id), archives)
    if stored.size != upload.size:
        raise InputRefused("An upload is not what it was when it was completed.", ArrivalCode.UPLOAD_CHANGED)
    return stored


def _stored(number: int, name: str, key: str, archives: ObjectStore) -> StoredInput:
    info = _object(archives, key)
    if info is None:
        raise _missing()
    return StoredInput(number, name, key, info.size, info.etag)


def _object(archives: ObjectStore, key: str) -> ObjectInfo | None:
    return next((info for info in archives.list(key) if info.key == key), None)


def _missing() -> InputRefused:
    return InputRefused("There is no such upload here any more. Upload the file again.", ArrivalCode.UPLOAD_MISSING)
