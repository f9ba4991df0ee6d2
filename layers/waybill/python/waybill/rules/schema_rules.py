"""Doctypes whose rules a deployment wrote: a JSON Schema (2020-12), unique fields and references (docs/catalog.md)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import msgspec

from waybill.domain.catalog import Doctype
from waybill.domain.errors import CatalogError
from waybill.rules.codes import FaultCode
from waybill.rules.doctype_rules import MOST_KEY_BYTES, Checked, Mention, escaped, pointer_of
from waybill.rules.verdict import MOST_FINDINGS, Finding

MOST_SEARCHED = 16 * 1024
"""Bytes of JSON. In a larger row only the first fault of its schema is told: each costs as much as the row is large."""

_EACH = "*"
_WHOLE = msgspec.json.Encoder(decimal_format="number")

_FIELD_CODES = {
    "type": FaultCode.WRONG_TYPE,
    "enum": FaultCode.UNKNOWN_VALUE,
    "const": FaultCode.UNKNOWN_VALUE,
    "minLength": FaultCode.TOO_SHORT,
    "minItems": FaultCode.TOO_SHORT,
    "maxLength": FaultCode.TOO_LONG,
    "maxItems": FaultCode.TOO_LONG,
    "pattern": FaultCode.BAD_FORMAT,
    "minimum": FaultCode.OUT_OF_RANGE,
    "maximum": FaultCode.OUT_OF_RANGE,
    "exclusiveMinimum": FaultCode.OUT_OF_RANGE,
    "exclusiveMaximum": FaultCode.OUT_OF_RANGE,
}


class SchemaRules:
    """The rules of one doctype of the catalog.

    ``targets`` gives the field that names records of each doctype that this one refers to. Formats are not checked, as
    2020-12 has it by default (Validation, section 7.2.1), and nothing that the schema refers to is ever fetched. Raises
    CatalogError if the schema is none, or refers to another document.
    """

    def __init__(self, doctype: Doctype, targets: Mapping[str, str]) -> None:
        self.doctype = doctype.name
        self.name_field = doctype.key_fields[0]
        self._unique = doctype.key_fields
        self._references = [(tuple(path.split(".")), name, targets[name]) for path, name in doctype.references.items()]
        try:
            schema = json.loads(doctype.schema)
            self._validator = jsonschema_rs.Draft202012Validator(
                schema, validate_formats=False, offline=True, mask="the value"
            )
        except (ValueError, RecursionError) as error:
            reason = error.message if isinstance(error, jsonschema_rs.ValidationError) else str(error)
            raise CatalogError(
                f"schemas/{doctype.name}.json is no JSON Schema that rows can go by: {reason}."
            ) from None

    def check(self, value: dict[str, Any]) -> Checked:
        """Return what is to be said of a row without looking at any other."""
        faults = [] if self._validator.is_valid(value) else self._schema_faults(value)
        return Checked(
            value=value,
            keys=self._keys(value, faults),
            references=tuple(self._referred(value, faults)),
            faults=tuple(faults),
        )

    def _schema_faults(self, value: dict[str, Any]) -> list[Finding]:
        if len(_WHOLE.encode(value)) > MOST_SEARCHED:
            try:
                self._validator.validate(value)
            except jsonschema_rs.ValidationError as first:
                sentence = f"There may be more: of a row of more than {MOST_SEARCHED:,} bytes only the first is told."
                return [*_findings(first), Finding(FaultCode.MORE_FAULTS, "", sentence)]
        found: list[Finding] = []
        for error in self._validator.iter_errors(value):
            found += _findings(error)
            if len(found) >= MOST_FINDINGS:
                break
        return sorted(found, key=lambda finding: (finding.pointer, finding.code, finding.sentence))

    def _keys(self, value: dict[str, Any], faults: list[Finding]) -> tuple[Mention, ...]:
        keys: list[Mention] = []
        for field in self._unique:
            pointer = f"/{escaped(field)}"
            text = _key_text(value.get(field), pointer, faults)
            if text is not None:
                keys.append(Mention((self.doctype, field, text), pointer))
            elif field == self.name_field and value.get(field) is None:
                sentence = "The field is missing, or null; it names the record."
                _add(faults, Finding(FaultCode.REQUIRED, pointer, sentence))
        return tuple(keys)

    def _referred(self, value: dict[str, Any], faults: list[Finding]) -> Iterator[Mention]:
        for path, doctype, field in self._references:
            for pointer, named in _values(value, path, ""):
                text = _key_text(named, pointer, faults)
                if text is not None:
                    yield Mention((doctype, field, text), pointer)


def _findings(error: jsonschema_rs.ValidationError) -> Iterator[Finding]:
    """Yield what an error of the schema says, at the place of each field that is missing or not known."""
    kind, path = error.kind.name, list(error.instance_path)
    said = error.kind.as_dict()
    if kind == "required":
        yield Finding(FaultCode.REQUIRED, pointer_of([*path, said["property"]]), "The field is missing.")
    elif kind in ("additionalProperties", "unevaluatedProperties"):
        for name in said["unexpected"]:
            yield Finding(FaultCode.UNKNOWN_FIELD, pointer_of([*path, name]), "There is no such field here.")
    else:
        message = error.message[:1].upper() + error.message[1:]
        yield Finding(_FIELD_CODES.get(kind, FaultCode.SCHEMA), pointer_of(path), f"{message}.")


def _values(value: object, path: tuple[str, ...], pointer: str) -> Iterator[tuple[str, object]]:
    """Yield what stands at a path, with its pointer. ``*`` is each element of an array, at the end it may be left out.

    What is missing or null refers to nothing.
    """
    if path and path[0] != _EACH:
        if isinstance(value, dict):
            yield from _values(value.get(path[0]), path[1:], f"{pointer}/{escaped(path[0])}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _values(each, path[1:], f"{pointer}/{index}")
    elif not path and value is not None:
        yield pointer, value


def _key_text(value: object, pointer: str, faults: list[Finding]) -> str | None:
    """Return a value as it names a record: a text, or a whole number as text. Add a fault for what is neither."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        _add(faults, Finding(FaultCode.WRONG_TYPE, pointer, "What names a record is a text or a whole number."))
        return None
    text = str(value)
    if not text:
        _add(faults, Finding(FaultCode.EMPTY, pointer, "What names a record must not be empty."))
        return None
    if len(text.encode("utf-8", "surrogatepass")) > MOST_KEY_BYTES:
        sentence = f"What names a record has at most {MOST_KEY_BYTES:,} bytes."
        _add(faults, Finding(FaultCode.TOO_LONG, pointer, sentence))
        return None
    return text


def _add(faults: list[Finding], fault: Finding) -> None:
    """Add a fault unless one of its place and code is there already, or there are too many."""
    if len(faults) < MOST_FINDINGS and not any(
        each.pointer == fault.pointer and each.code == fault.code for each in faults
    ):
        faults.append(fault)
