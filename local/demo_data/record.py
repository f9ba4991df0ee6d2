"""What the generators yield."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.demo_data.seed import identifier, iso


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a doctype: its id, when it changed, and its body."""

    doctype: str
    id: str
    updated_at: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The content of one file, by the id of its index record."""

    id: str
    mime: str
    content: bytes


def record(user: str, doctype: str, number: int | str, changed: datetime, /, **fields: Any) -> Record:
    """Return a record with the fields that every document of a Cozy has."""
    key = identifier(user, doctype, number)
    return made_record(doctype, key, changed, **fields)


def made_record(doctype: str, key: str, changed: datetime, /, **fields: Any) -> Record:
    """Return a record whose id is given."""
    revision = f"{len(fields) % 4 + 1}-{identifier(key, doctype, 'rev')}"
    metadata = {"doctypeVersion": 1, "metadataVersion": 1, "updatedAt": iso(changed)}
    body = {"_id": key, "_rev": revision, **fields, "cozyMetadata": metadata}
    return Record(doctype, key, iso(changed), body)
