"""The rules of a doctype whose records are the index of files, besides those of its schema."""

from typing import Any

import msgspec

from waybill.intake.content_book import ContentBook
from waybill.rules.codes import FaultCode, NoticeCode
from waybill.rules.doctype_rules import Checked, DoctypeRules
from waybill.rules.verdict import Finding

FILE = "file"
"""The ``type`` of a record that has a content."""


class FileRules:
    """Rules that look whether a file's content came in, and whether it has room under the record's name."""

    def __init__(self, rules: DoctypeRules, book: ContentBook, most_key_bytes: int) -> None:
        self._rules = rules
        self._book = book
        self._most = most_key_bytes
        self.doctype = rules.doctype
        self.name_field = rules.name_field

    def check(self, value: dict[str, Any]) -> Checked:
        """Return what is to be said of a row without looking at any other."""
        checked = self._rules.check(value)
        if value.get("type") != FILE or not checked.keys:
            return checked
        name = checked.keys[0]
        if len(name.question[2].encode("utf-8", "surrogatepass")) > self._most:
            sentence = f"What names a file has at most {self._most:,} bytes here, because its content lies under it."
            fault = Finding(FaultCode.TOO_LONG, name.pointer, sentence)
            return msgspec.structs.replace(checked, faults=(*checked.faults, fault))
        if self._book.find(self.doctype, name.question[2]) is None:
            sentence = "No content came in for this file. Its record is taken, and the file stays as it is."
            notice = Finding(NoticeCode.CONTENT_MISSING, "", sentence)
            return msgspec.structs.replace(checked, notices=(*checked.notices, notice))
        return checked
