"""What the records of files, directories and versions say (reference cozy-move, section 2)."""

from typing import Any

import msgspec

from waybill.domain.plan import Directory, FileReference, KeptContent
from waybill.intake.cozy_reader import VERSIONS_DOCTYPE
from waybill.sources.moments import unix_seconds


class _Record(msgspec.Struct):
    """What is looked at of a document. Anything may stand in any field."""

    type: Any = None
    name: Any = None
    dir_id: Any = None
    path: Any = None
    mime: Any = None
    updated_at: Any = None
    executable: Any = None
    metadata: Any = msgspec.field(default=None, name="cozyMetadata")


_RECORD = msgspec.json.Decoder(_Record)


def directory_of(doctype: str, identifier: str, line: bytes) -> Directory | None:
    """Return the directory that a record is of, or the one in which the versions of a file are put; else None.

    A version has no name but its id, ``<file id>/<version id>``, and lies where a Cozy has its content.
    """
    if doctype == VERSIONS_DOCTYPE:
        file, _, _ = identifier.partition("/")
        return Directory(_versions_of(file), f"/{VERSIONS_DOCTYPE}/{file}")
    record = _read(line)
    if record.type != "directory":
        return None
    return Directory(
        identifier, record.path if isinstance(record.path, str) else f"/{_text(record.name) or identifier}"
    )


def file_item(doctype: str, identifier: str, line: bytes, kept: KeptContent) -> FileReference:
    """Return the reference to the content of a file, or of a version."""
    record = _read(line)
    is_version = doctype == VERSIONS_DOCTYPE
    file, _, version = identifier.partition("/")
    return FileReference(
        id=identifier,
        name=(version if is_version else _text(record.name)) or identifier,
        directory=_versions_of(file) if is_version else _text(record.dir_id),
        key=kept.key,
        size=kept.size,
        etag=kept.etag,
        mime=_text(record.mime),
        updated_at=_moment(record),
        executable=record.executable is True,
        kept=True,
    )


def updated_at(line: bytes) -> int:
    """Return when a document was last changed, in Unix seconds, 0 if it does not tell."""
    return _moment(_read(line))


def _versions_of(file: str) -> str:
    return f"versions of {file}"


def _moment(record: _Record) -> int:
    own = unix_seconds(record.updated_at)
    told = record.metadata.get("updatedAt") if isinstance(record.metadata, dict) else None
    return own or unix_seconds(told)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _read(line: bytes) -> _Record:
    try:
        return _RECORD.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _Record()
