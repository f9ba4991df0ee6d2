"""The stable codes of all that can be wrong with bytes that somebody sends; docs/formats-in.md describes each."""

from enum import StrEnum


class RowCode(StrEnum):
    """A row that cannot be taken; the rows behind it can be read."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    NOT_UTF_8 = "not_utf8"
    DUPLICATE_KEY = "duplicate_key"
    LONE_SURROGATE = "lone_surrogate"
    NUMBER_TOO_LARGE = "number_too_large"
    TOO_DEEP = "too_deep"
    ROW_TOO_LARGE = "row_too_large"
    NOT_MENDED = "not_mended"
    CELL_COUNT = "cell_count"
    QUOTES = "quotes"
    NUL = "nul"


class BreakCode(StrEnum):
    """What ends the reading of a file of rows."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    BROKEN_JSON = "broken_json"
    WRONG_TOP_LEVEL = "wrong_top_level"
    TRAILING_DATA = "trailing_data"
    ENDLESS_ROW = "endless_row"
    ENDLESS_DEPTH = "endless_depth"
    BROKEN_HEADER = "broken_header"
    DUPLICATE_COLUMN = "duplicate_column"
    UNKNOWN_COLUMN = "unknown_column"
    MISSING_COLUMN = "missing_column"


class ArchiveCode(StrEnum):
    """Why an archive, or one member of it, is refused."""

    NOT_AN_ARCHIVE = "not_an_archive"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    TRAILING_DATA = "trailing_data"
    UNSAFE_PATH = "unsafe_path"
    NAME_NOT_UTF_8 = "name_not_utf8"
    LINK = "link"
    DEVICE = "device"
    UNKNOWN_KIND = "unknown_kind"
    DUPLICATE_MEMBER = "duplicate_member"
    WRONG_SIZE = "wrong_size"
    WRONG_CHECKSUM = "wrong_checksum"
    TOO_LARGE = "too_large"
    ZIP_BOMB = "zip_bomb"
    TOO_MANY_MEMBERS = "too_many_members"
    ENCRYPTED = "encrypted"
    MULTI_DISK = "multi_disk"
    UNKNOWN_METHOD = "unknown_method"
    OVERLAP = "overlap"
    CONTRADICTION = "contradiction"


class PartCode(StrEnum):
    """What is wrong with a part, with what is in it, or with a group of parts."""

    NOT_A_PART = "not_a_part"
    WRONG_DIGEST = "wrong_digest"
    NOT_LISTED = "not_listed"
    MISSING_MEMBER = "missing_member"
    LOST_CONTENT = "lost_content"
    CONTENT_WITHOUT_RECORD = "content_without_record"
    NOT_AS_RECORDED = "not_as_recorded"
    MISSING_PART = "missing_part"
    FOREIGN_PART = "foreign_part"
    DOUBLE_PART = "double_part"
    WRONG_PART = "wrong_part"
    BAD_MANIFEST = "bad_manifest"
    WRONG_SIGNATURE = "wrong_signature"
