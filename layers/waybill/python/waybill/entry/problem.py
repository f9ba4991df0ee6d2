"""Errors as answers: one map from what went wrong to the status that says so (JSON:API 1.1, "Error Objects")."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from waybill.domain import errors
from waybill.domain.receipt import Receipt


class Problem(Exception):
    """A request that is answered with an error, found before any service was called.

    ``pointer`` is the JSON Pointer of the field in the body, ``parameter`` the name of the query parameter, ``header``
    the name of the header that is at fault. ``retry_after`` says in how many seconds the request may be granted,
    ``meta`` what else there is to know.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        pointer: str | None = None,
        parameter: str | None = None,
        header: str | None = None,
        retry_after: int | None = None,
        meta: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.status = status
        self.code = code
        self.detail = detail
        source = {"pointer": pointer, "parameter": parameter, "header": header}
        self.source = {name: value for name, value in source.items() if value is not None}
        self.meta = meta


class Problems(Exception):
    """Several problems of one request, told together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(*problems)
        self.problems = tuple(problems)


_STATUS: dict[type[errors.WaybillError], HTTPStatus] = {
    errors.InvalidOptions: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.UnknownCursor: HTTPStatus.BAD_REQUEST,
    errors.InvalidPageCursor: HTTPStatus.BAD_REQUEST,
    errors.ExportNotFound: HTTPStatus.NOT_FOUND,
    errors.ExportGone: HTTPStatus.GONE,
    errors.ExportNotReady: HTTPStatus.CONFLICT,
    errors.MetalinkTooLarge: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ExportEnded: HTTPStatus.CONFLICT,
    errors.JobChanged: HTTPStatus.CONFLICT,
    errors.ExportNotFailed: HTTPStatus.CONFLICT,
    errors.ExportBeingCreated: HTTPStatus.CONFLICT,
    errors.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.QuotaExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.WebhookNotFound: HTTPStatus.NOT_FOUND,
    errors.WebhookChanged: HTTPStatus.CONFLICT,
    errors.InvalidWebhookName: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidWebhookAddress: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyWebhooks: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManySecrets: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidSchedule: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidScheduleName: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ScheduleNotFound: HTTPStatus.NOT_FOUND,
    errors.ScheduleChanged: HTTPStatus.CONFLICT,
    errors.TooManySchedules: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidUpload: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UploadNotFound: HTTPStatus.NOT_FOUND,
    errors.UploadGone: HTTPStatus.GONE,
    errors.UploadIncomplete: HTTPStatus.CONFLICT,
    errors.TooManyUploads: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ImportNotFound: HTTPStatus.NOT_FOUND,
    errors.ImportGone: HTTPStatus.GONE,
    errors.ImportNotReady: HTTPStatus.CONFLICT,
    errors.ImportNotUndoable: HTTPStatus.CONFLICT,
    errors.ImportEnded: HTTPStatus.CONFLICT,
    errors.ImportWriting: HTTPStatus.CONFLICT,
    errors.ImportBeingStarted: HTTPStatus.CONFLICT,
    errors.FailuresNotFound: HTTPStatus.NOT_FOUND,
    errors.StorageUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SourceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_PARAMETER = {
    errors.UnknownCursor: "cursor",
    errors.InvalidPageCursor: "page[cursor]",
    errors.InvalidWebhookName: "name",
    errors.ExportEnded: "state",
    errors.ImportEnded: "state",
}

_POINTER = {
    errors.InvalidWebhookAddress: "/data/attributes/url",
    errors.TooManySecrets: "/data/attributes/rotate_secret",
}

_HEADER: dict[type[errors.WaybillError], str] = {errors.IdempotencyKeyReused: "Idempotency-Key"}

_STORE_RETRY_AFTER = 5
_WAITING = (errors.ExportBeingCreated, errors.ImportBeingStarted, errors.QuotaExceeded)
_GONE = (errors.ExportGone, errors.ImportGone)


def of_error(error: errors.WaybillError) -> Problem:
    """Return the problem that a service's error is to the caller.

    An error that no caller can cause, such as a wrong catalog, is a 500 that says no more than that.
    """
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), None)
    if status is None:
        return internal()
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        sentence = "A store that this needs does not answer. Try again in a few seconds."
        return Problem(status, error.code, sentence, retry_after=_STORE_RETRY_AFTER)
    return Problem(
        status,
        error.code,
        str(error),
        pointer=_pointer(error),
        parameter=_PARAMETER.get(type(error)),
        header=_HEADER.get(type(error)),
        retry_after=error.retry_after if isinstance(error, _WAITING) else None,
        meta=receipt_meta(error.receipt) if isinstance(error, _GONE) and error.receipt else None,
    )


def _pointer(error: errors.WaybillError) -> str | None:
    """Return the place in the body that an error is about, if it is about one."""
    if isinstance(error, errors.InvalidOptions | errors.InvalidSchedule | errors.InvalidUpload):
        return error.pointer
    return _POINTER.get(type(error))


def receipt_meta(receipt: Receipt) -> dict[str, object]:
    """Return the members of a receipt, as they stand in ``meta``."""
    return {
        "deleted_at": receipt.deleted_at.isoformat(),
        "reason": receipt.reason.value,
        "state": receipt.state,
        "objects": receipt.objects,
        "bytes": receipt.bytes,
        "reports": receipt.reports,
        "complete": receipt.complete,
    }


def internal() -> Problem:
    """Return the problem for a fault of ours. It tells nothing of the inside."""
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "Something went wrong on our side. Try again; if it stays so, tell the operator the time of this request.",
    )
