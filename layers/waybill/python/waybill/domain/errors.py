"""Everything that can go wrong and that a person can act on.

Each error has a stable ``code`` (documented in docs/api.md) and a message that says what happened,
to which thing, and what to do. Messages never hold records, tokens or links.
"""

from datetime import datetime

from waybill.domain.receipt import Receipt


class WaybillError(Exception):
    """Base of all errors that Waybill raises on purpose."""

    code = "internal"


class InvalidOptions(WaybillError):
    """The options are well formed but cannot be granted.

    ``pointer`` is the JSON Pointer (RFC 6901) of the field in the request document.
    """

    code = "invalid_options"

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


class Unauthorized(WaybillError):
    """Nobody that we know: a token or a key that is missing, wrong or no longer taken."""

    code = "unauthorized"


class UnknownCursor(WaybillError):
    """A cursor that does not name a part of this export."""

    code = "unknown_cursor"


class InvalidPageCursor(WaybillError):
    """A ``page[cursor]`` that no list answer has given out."""

    code = "invalid_page_cursor"


class ExportNotFound(WaybillError):
    """No such export for this tenant. Another tenant's export is not found either."""

    code = "export_not_found"


class ExportGone(WaybillError):
    """The export was there; it has expired or was deleted. ``receipt`` is that of its removal, once that has begun."""

    code = "export_gone"

    def __init__(self, message: str, receipt: Receipt | None = None) -> None:
        super().__init__(message)
        self.receipt = receipt


class ExportEnded(WaybillError):
    """The export was to be cancelled, but it has ended already."""

    code = "export_ended"


class ExportNotReady(WaybillError):
    """The export has no parts yet, because it is still running or has failed."""

    code = "export_not_ready"


class ExportNotRunning(WaybillError):
    """A step came late: the export has already ended."""

    code = "export_not_running"


class ExportExists(WaybillError):
    """A job record with this id stands already."""

    code = "export_exists"


class JobChanged(WaybillError):
    """The job record was changed by somebody else since it was read; read it again."""

    code = "job_changed"


class CatalogError(WaybillError):
    """The deployment's catalog is wrong; its operator has to mend it."""

    code = "catalog_error"


class SourceUnavailable(WaybillError):
    """A source refused or did not answer, after retries."""

    code = "source_unavailable"


class SourceNotReady(WaybillError):
    """A source has to wait for what it reads. The export goes on with the rest and asks again in ``seconds``.

    The message says what is waited for. With 0 seconds nothing is: the source only wants to go on in a call of its own.
    ``deadline`` is when waiting is given up, and the export fails; None if the source sees to that itself.
    """

    code = "source_not_ready"

    def __init__(self, message: str, *, seconds: int, deadline: datetime | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.deadline = deadline


class StorageUnavailable(WaybillError):
    """S3, DynamoDB, Step Functions or KMS refused or did not answer, after retries."""

    code = "storage_unavailable"


class ObjectMissing(WaybillError):
    """No object under this key."""

    code = "object_missing"


class ObjectChanged(WaybillError):
    """The object is no longer the version that was planned."""

    code = "object_changed"


class ObjectDenied(StorageUnavailable):
    """The store refuses access to the object; trying again is in vain."""

    code = "object_denied"


class ObjectUnreadable(StorageUnavailable):
    """The object is there, but its content breaks off, and cannot be taken up where it broke."""

    code = "object_unreadable"


class UploadMissing(WaybillError):
    """The unfinished upload of a part is not there any more; the part has to be begun anew."""

    code = "upload_missing"


class PartTooLarge(WaybillError):
    """A part is larger than the store can put together from pieces."""

    code = "part_too_large"


class TooManyParts(WaybillError):
    """``parts_size`` would cut this export into more parts than one export may have."""

    code = "too_many_parts"


class MetalinkTooLarge(WaybillError):
    """The export has more parts than one metalink can name."""

    code = "metalink_too_large"


class LedgerMismatch(WaybillError):
    """The counts do not add up, so something is missing that nobody named."""

    code = "ledger_mismatch"


class ExportNotFailed(WaybillError):
    """The export was to be retried, but it has not failed."""

    code = "export_not_failed"


class ExportBeingCreated(WaybillError):
    """The request that starts this export is still being served. ``retry_after`` is in seconds."""

    code = "export_being_created"
    retry_after = 1


class IdempotencyKeyReused(WaybillError):
    """The key of a request was used before, for another request."""

    code = "idempotency_key_reused"


class QuotaExceeded(WaybillError):
    """The tenant has as many exports as are allowed. ``retry_after`` says in how many seconds that may be otherwise."""

    code = "quota_exceeded"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class WebhookNotFound(WaybillError):
    """No such webhook of this tenant."""

    code = "webhook_not_found"


class WebhookChanged(WaybillError):
    """The webhook was changed by somebody else since it was read; read it again."""

    code = "webhook_changed"


class InvalidWebhookName(WaybillError):
    """A text that cannot be the name of a webhook."""

    code = "invalid_webhook_name"


class InvalidWebhookAddress(WaybillError):
    """An address that webhooks are not sent to."""

    code = "invalid_webhook_address"


class TooManyWebhooks(WaybillError):
    """The tenant has as many webhooks as one may have."""

    code = "too_many_webhooks"


class TooManySecrets(WaybillError):
    """The webhook has as many secrets that sign as it may have."""

    code = "too_many_secrets"


class WebhookNotTaken(WaybillError):
    """The receiver has not taken an event; the workflow tries again."""

    code = "webhook_not_taken"


class EventNotAllowed(WaybillError):
    """An event that starts no export: of another type, or of a source that may not ask for one."""

    code = "event_not_allowed"


class MalformedEvent(WaybillError):
    """An event whose detail does not say what it asks for."""

    code = "malformed_event"


class InvalidSchedule(WaybillError):
    """An expression or a time zone that cannot be read, or a schedule that fires too often or never.

    ``pointer`` is the JSON Pointer (RFC 6901) of the field in the request document.
    """

    code = "invalid_schedule"

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


class InvalidScheduleName(WaybillError):
    """A schedule cannot be named so."""

    code = "invalid_schedule_name"


class ScheduleNotFound(WaybillError):
    """No such schedule for this tenant."""

    code = "schedule_not_found"


class ScheduleChanged(WaybillError):
    """The schedule was changed by somebody else since it was read; read it again."""

    code = "schedule_changed"


class TooManySchedules(WaybillError):
    """The tenant has as many schedules as one may have."""

    code = "too_many_schedules"


class SweepIncomplete(WaybillError):
    """A sweep could not put every export in order; the next one tries again."""

    code = "sweep_incomplete"


class ApiKeyExists(WaybillError):
    """There is an API key with this app id already, or there was one that was revoked."""

    code = "api_key_exists"


class ApiKeyMissing(WaybillError):
    """There is no API key with this app id."""

    code = "api_key_missing"


class BaselineUnreadable(WaybillError):
    """What the run before left of a chain of exports cannot be read any more, so nothing can be compared with it."""

    code = "baseline_unreadable"


class ImportNotFound(WaybillError):
    """No such import for this tenant. Another tenant's import is not found either."""

    code = "import_not_found"


class ImportExists(WaybillError):
    """An import with this id is there already."""

    code = "import_exists"


class ImportGone(WaybillError):
    """The import was there; it has expired or was deleted. ``receipt`` is that of its removal, once that has begun."""

    code = "import_gone"

    def __init__(self, message: str, receipt: Receipt | None = None) -> None:
        super().__init__(message)
        self.receipt = receipt


class ImportNotRunning(WaybillError):
    """A step came late: the import has already ended."""

    code = "import_not_running"


class ImportNotUndoable(WaybillError):
    """The import cannot be undone: it wrote nothing, still runs, or is undone already."""

    code = "import_not_undoable"


class InputRefused(WaybillError):
    """An input of an import cannot be taken as a whole, so nothing of the import is written.

    ``reason`` is the stable code that says why: one of those of docs/formats-in.md, or of how an input got here.
    """

    code = "input_refused"

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidAddress(WaybillError):
    """An address that nothing is fetched from: no URL, not ``https``, or one that leads into a private network."""

    code = "invalid_address"


class AddressUnavailable(WaybillError):
    """What a web address leads to could not be fetched, after retries. The message says why, and never the address.

    ``status`` is that of the answer, None if there was none. ``transient`` says that trying later may help, and
    ``retry_after`` in how many seconds, if the server said so.
    """

    code = "address_unavailable"

    def __init__(
        self, message: str, *, status: int | None = None, transient: bool = False, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.transient = transient
        self.retry_after = retry_after


class DebtsUnsettled(WaybillError):
    """Something that exports hold in another system could not be given back; the next round tries again."""

    code = "debts_unsettled"


class InvalidUpload(WaybillError):
    """A file that cannot be uploaded as it is announced. ``pointer`` is the JSON Pointer (RFC 6901) of the field."""

    code = "invalid_upload"

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


class UploadNotFound(WaybillError):
    """No such upload of this tenant. Another tenant's upload is not found either."""

    code = "upload_not_found"


class UploadGone(WaybillError):
    """The upload was there; it has expired."""

    code = "upload_gone"


class UploadIncomplete(WaybillError):
    """Parts of the upload are missing, or are not of the size that was announced."""

    code = "upload_incomplete"


class TooManyUploads(WaybillError):
    """The tenant has as many uploads as one may have."""

    code = "too_many_uploads"


class InputBroken(InputRefused):
    """An input broke off on its way here. Asked for again, it may come through, or go on where it broke."""


class ImportBeingStarted(WaybillError):
    """The request that starts the import may still be at work."""

    code = "import_being_started"
    retry_after = 1


class ImportNotReady(WaybillError):
    """The import runs, so there is no report yet, and no rejected rows."""

    code = "import_not_ready"


class ImportEnded(WaybillError):
    """An import that was only to be cancelled has ended already."""

    code = "import_ended"


class ImportWriting(WaybillError):
    """The import is writing into the target, or taking back what it wrote, so it cannot be deleted now."""

    code = "import_writing"


class FailuresNotFound(WaybillError):
    """No row of the import was rejected, or none of that doctype."""

    code = "failures_not_found"
