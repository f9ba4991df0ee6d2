"""What is kept of the verdict on a row: what is to be written, or why it is not."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from waybill.domain.catalog import Doctype
from waybill.domain.date_range import moment_of
from waybill.intake.content_book import ContentBook
from waybill.intake.json_row import ERROR
from waybill.rules.judge import MOST_RECORD
from waybill.rules.passwords import PASSWORD, stored
from waybill.rules.verdict import Finding, Verdict
from waybill.services.file_rules import FILE
from waybill.services.import_tally import ShownFault
from waybill.services.verdict_file import AcceptedRow, RejectedRow

MOST_TOLD = 10
"""Faults of one row that its reason tells beside the first."""

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_ERROR = ERROR.encode()
_NO_SALT = bytes(16)
_USERS = "users"
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)


class AcceptedRows:
    """How accepted rows of one doctype are written.

    ``now`` dates those without a date: when the import was made. ``book`` is there if they are the index of files.
    """

    def __init__(self, doctype: Doctype, now: datetime, book: ContentBook | None) -> None:
        self._doctype = doctype.name
        self._path = tuple(doctype.date_field.split(".")) if doctype.date_field else ()
        self._now = now.isoformat()
        self._book = book

    def row(self, at: int, verdict: Verdict, sent: tuple[dict[str, Any] | None, bytes]) -> AcceptedRow:
        """Return the row at a position of its row file; ``sent`` is what its text says, and the text."""
        value = verdict.value or {}
        body, has_password = self._body(value, *sent)
        salted_by = f"{verdict.number}\0{verdict.source}" if has_password else ""
        row = AcceptedRow(at, verdict.key, self._changed_at(value), msgspec.Raw(body), verdict.replaces, salted_by)
        if self._book is None or value.get("type") != FILE:
            return row
        content = self._book.find(self._doctype, verdict.key)
        if content is None:
            return row
        media = value.get("mime")
        media_type = media if isinstance(media, str) and _MEDIA_TYPE.fullmatch(media) else ""
        return msgspec.structs.replace(row, content=content.number, size=content.size, media_type=media_type)

    def _body(self, written: dict[str, Any], value: dict[str, Any] | None, text: bytes) -> tuple[bytes, bool]:
        """Return the JSON text of a record, and whether it has a password that must not be stored.

        It is the text that was sent if that means what is to be written: no number is changed, nor the order of fields.
        """
        if written is value and _ERROR not in text and len(text) <= MOST_RECORD:
            return text, False
        if self._doctype == _USERS and PASSWORD in written:
            if written[PASSWORD]:
                return _ENCODE(written), True
            written = stored(written, _NO_SALT)
        return _ENCODE(written), False

    def _changed_at(self, record: dict[str, Any]) -> str:
        """Return when a record was last changed, as its date field says, else when the import was made."""
        value: Any = record
        for name in self._path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            return value if isinstance(moment_of(value), date) else self._now
        return str(value) if self._path and isinstance(moment_of(value), date) else self._now


def rejected(at: int, reasons: Sequence[Finding]) -> RejectedRow:
    """Return a rejected row with its first fault; its sentence tells the others too."""
    first, others = reasons[0], reasons[1:]
    also = "".join(f" Also {each.pointer or 'the row'}: {each.sentence}" for each in others[:MOST_TOLD])
    more = f" And {len(others) - MOST_TOLD:,} more." if len(others) > MOST_TOLD else ""
    return RejectedRow(at, first.code, first.pointer, f"{first.sentence}{also}{more}")


def shown(doctype: str, verdict: Verdict) -> ShownFault:
    """Return the first fault of a row as the report shows it."""
    first = verdict.reasons[0]
    return ShownFault(doctype, verdict.number, verdict.source, first.code, first.pointer, first.sentence)
