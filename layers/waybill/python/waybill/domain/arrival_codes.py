"""The stable codes of inputs that cannot be had, or not as announced; docs/formats-in.md describes each."""

from enum import StrEnum


class ArrivalCode(StrEnum):
    """Why an input is refused before, or besides, what stands in it."""

    UPLOAD_MISSING = "upload_missing"
    UPLOAD_INCOMPLETE = "upload_incomplete"
    UPLOAD_CHANGED = "upload_changed"
    URL_NOT_ALLOWED = "url_not_allowed"
    URL_UNREACHABLE = "url_unreachable"
    URL_STATUS = "url_status"
    URL_TOO_SLOW = "url_too_slow"
    URL_BROKEN = "url_broken"
    URL_CHANGED = "url_changed"
    EXPORT_UNREADABLE = "export_unreadable"
    INPUT_TOO_LARGE = "input_too_large"
    TOO_MANY_INPUTS = "too_many_inputs"
    DOCTYPE_MISSING = "doctype_missing"
    UNKNOWN_DOCTYPE = "unknown_doctype"
    UNKNOWN_FORMAT = "unknown_format"
    UNEXPECTED_ARCHIVE = "unexpected_archive"
    NOTHING_TO_IMPORT = "nothing_to_import"
