"""The stable codes of all that can be said of a row whose text could be read; docs/import-rules.md describes each."""

from enum import StrEnum


class Outcome(StrEnum):
    """What becomes of a row."""

    ACCEPTED = "accepted"
    SKIPPED = "skipped"
    FAILED = "failed"


class FaultCode(StrEnum):
    """Why a row is not accepted."""

    REQUIRED = "required"
    WRONG_TYPE = "wrong_type"
    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    BAD_FORMAT = "bad_format"
    UNKNOWN_VALUE = "unknown_value"
    UNKNOWN_FIELD = "unknown_field"
    OUT_OF_RANGE = "out_of_range"
    SCHEMA = "schema"
    RECORD_TOO_LARGE = "record_too_large"
    MORE_FAULTS = "more_faults"
    CONTRADICTION = "contradiction"
    AVATAR_NOT_HTTPS = "avatar_not_https"
    OPTIONS_NOT_JSON = "options_not_json"
    PARTICIPANT_COUNT = "participant_count"
    PARTICIPANT_TWICE = "participant_twice"
    CREATOR_NOT_PARTICIPANT = "creator_not_participant"
    UNKNOWN_TYPE = "unknown_type"
    TYPE_NOT_IMPORTED = "type_not_imported"
    PAYLOAD_NOT_ALLOWED = "payload_not_allowed"
    REPLY_TEXT = "reply_text"
    PARENT_NOT_ALLOWED = "parent_not_allowed"
    DUPLICATE = "duplicate"
    EXISTS = "exists"
    TAKEN = "taken"
    REFERENCE_MISSING = "reference_missing"
    REFERENCE_FAILED = "reference_failed"
    CHANGED_MEANWHILE = "changed_meanwhile"


class NoticeCode(StrEnum):
    """What should be known of a row although it may be accepted."""

    FIELDS_DISCARDED = "fields_discarded"
    TYPE_NOT_FULLY_SUPPORTED = "type_not_fully_supported"
    HTTPS_ENCOURAGED = "https_encouraged"
    CONTENT_MISSING = "content_missing"
