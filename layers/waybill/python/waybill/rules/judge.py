"""Judge the rows of one doctype: what each row says by itself, against earlier rows, and against the target.

Nothing here writes to the target, so a dry run and a real one are the same up to here, and give the same verdicts.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from waybill.domain.import_options import OnConflict
from waybill.rules.codes import FaultCode, Outcome
from waybill.rules.doctype_rules import Checked, DoctypeRules, Mention, Question
from waybill.rules.existing import Existing
from waybill.rules.known import Known
from waybill.rules.seen import Earlier, Seen
from waybill.rules.verdict import MOST_FINDINGS, Finding, Row, Verdict

BATCH = 1_000
"""Rows that are judged together, so that the target is asked in large questions."""

MOST_RECORD = 390_000
"""Bytes of a record as JSON text: DynamoDB's 400 KiB for an item, less what stands beside the record in it."""

_MOST_HELD = 4 * 1024 * 1024
_REFERENCE_BYTES = 256
_MOST_REMEMBERED = 20_000

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class _Case(msgspec.Struct, gc=False):
    """A row that waits for its verdict. ``ordinal`` counts the rows of the doctype from 1."""

    ordinal: int
    row: Row
    checked: Checked | None


def judge(
    rows: Iterable[Row],
    rules: DoctypeRules,
    *,
    seen: Seen,
    existing: Existing,
    on_conflict: OnConflict = OnConflict.FAIL,
    judged: int = 0,
    may_wait: bool = False,
    again: bool = False,
    batch: int = BATCH,
) -> Iterator[Verdict]:
    """Yield the verdict on each row, in order. Memory does not grow with the number of rows.

    Doctypes are judged in the order of their ranks (``order.ranks``), all with one ``seen``. To go on after a pause,
    give the rows behind those whose verdicts are known, their number as ``judged``, and a ``seen`` that has at least
    these rows. Verdicts depend neither on ``batch`` nor on pauses.

    ``may_wait`` is for rows in no order of their own, as archives have them: one whose only fault is that it refers to
    a row of its doctype that is not there waits; judge it once more behind all others, and say by ``again`` that this
    is done. Its keys are kept for it meanwhile: which of two rows with one key counts does not depend on what waits.
    """
    bench = _Bench(rules, seen, existing, on_conflict, may_wait=may_wait, reserves=may_wait and not again)
    for cases in _batches(rows, rules, judged, batch):
        yield from bench.judge(cases)


def _batches(rows: Iterable[Row], rules: DoctypeRules, judged: int, batch: int) -> Iterator[list[_Case]]:
    """Yield rows with what they say by themselves, so many at once that they fit into memory."""
    cases: list[_Case] = []
    held = 0
    for ordinal, row in enumerate(rows, judged + 1):
        checked, size = (None, 0) if row.value is None else _check(row.value, rules)
        cases.append(_Case(ordinal, row, checked))
        held += size
        if len(cases) >= batch or held >= _MOST_HELD:
            yield cases
            cases, held = [], 0
    if cases:
        yield cases


def _check(value: dict[str, Any], rules: DoctypeRules) -> tuple[Checked, int]:
    """Return what a row says by itself, and about how many bytes of memory that takes."""
    checked = rules.check(value)
    try:
        size = len(_ENCODER.encode(checked.value))
    except ValueError:
        fault = Finding(FaultCode.BAD_FORMAT, "", "The row has a text or a number that JSON cannot say.")
        return msgspec.structs.replace(checked, value={}, faults=(*checked.faults, fault)), 0
    if size > MOST_RECORD:
        sentence = f"The record has {size:,} bytes as JSON; the most is {MOST_RECORD:,}."
        fault = Finding(FaultCode.RECORD_TOO_LARGE, "", sentence)
        checked = msgspec.structs.replace(checked, value={}, faults=(*checked.faults, fault))
    return checked, size + _REFERENCE_BYTES * len(checked.references)


class _Bench:
    """Judges batches of one doctype, one after the other."""

    def __init__(
        self,
        rules: DoctypeRules,
        seen: Seen,
        existing: Existing,
        on_conflict: OnConflict,
        *,
        may_wait: bool,
        reserves: bool,
    ) -> None:
        self._may_wait = may_wait
        self._reserves = reserves
        self._rules = rules
        self._seen = seen
        self._existing = existing
        self._on_conflict = on_conflict
        self._found: set[Question] = set()
        """References of which it is known that they lead somewhere. They do so for all later rows too."""

    def judge(self, cases: Sequence[_Case]) -> list[Verdict]:
        """Return the verdicts on a batch, and remember its keys."""
        if len(self._found) > _MOST_REMEMBERED:
            self._found.clear()
        known = Known(self._rules.doctype, self._seen, self._existing, reserves=self._reserves)
        known.look_up([case.checked for case in cases if case.checked is not None], self._found, cases[0].ordinal)
        verdicts = [self._verdict(case, known) for case in cases]
        self._seen.add(known.added())
        return verdicts

    def _verdict(self, case: _Case, known: Known) -> Verdict:
        row, checked = case.row, case.checked
        if checked is None:
            return Verdict(row.number, row.source, Outcome.FAILED, "", reasons=(row.problem,) if row.problem else ())
        faults = list(checked.faults)
        name = self._name(checked.keys)
        self._judge_keys(case.ordinal, checked.keys, name, known, faults)
        missing = self._judge_references(case.ordinal, checked.references, known, faults)
        conflict = self._conflict(name, known)
        outcome, reasons = self._outcome(faults, conflict)
        if missing and outcome is not Outcome.FAILED:
            named = name.question[2] if name else ""
            waiting = Earlier(case.ordinal, row.place, accepted=False)
            for key in checked.keys:
                known.reserve(key.question, waiting)
            return Verdict(row.number, row.source, Outcome.FAILED, named, reasons=tuple(missing), waits=True)
        accepted = outcome is Outcome.ACCEPTED
        earlier = Earlier(case.ordinal, row.place, accepted)
        for key in checked.keys:
            if known.reserved(key.question, case.ordinal) is None:
                known.remember(key.question, earlier)
        return Verdict(
            number=row.number,
            source=row.source,
            outcome=outcome,
            key=name.question[2] if name else "",
            value=checked.value if accepted else None,
            replaces=accepted and conflict is not None,
            reasons=reasons,
            notices=checked.notices,
        )

    def _name(self, keys: Sequence[Mention]) -> Mention | None:
        """Return the key that names the record."""
        return keys[0] if keys and keys[0].question[1] == self._rules.name_field else None

    def _conflict(self, name: Mention | None, known: Known) -> Finding | None:
        """Return what is to be said if the record stands in the target."""
        if name is None or known.holder(name.question) is None:
            return None
        sentence = f"The target has a record with this {self._rules.name_field} already."
        return Finding(FaultCode.EXISTS, name.pointer, sentence)

    def _outcome(self, faults: list[Finding], conflict: Finding | None) -> tuple[Outcome, tuple[Finding, ...]]:
        if conflict is not None and self._on_conflict is OnConflict.FAIL:
            faults.append(conflict)
        if faults:
            return Outcome.FAILED, tuple(faults[:MOST_FINDINGS])
        if conflict is not None and self._on_conflict is OnConflict.SKIP:
            return Outcome.SKIPPED, (conflict,)
        return Outcome.ACCEPTED, ()

    def _judge_keys(
        self, ordinal: int, keys: Sequence[Mention], name: Mention | None, known: Known, faults: list[Finding]
    ) -> None:
        """Add the faults of keys that another row or another record has."""
        for key in keys:
            field = key.question[1]
            earlier = known.earlier(key.question, ordinal) or known.reserved(key.question, ordinal)
            if earlier is not None:
                sentence = f"An earlier row has the same {field}: {earlier.place}."
                faults.append(Finding(FaultCode.DUPLICATE, key.pointer, sentence))
            if key is name:
                continue
            holder = known.holder(key.question)
            if holder is not None and (name is None or holder != name.question[2]):
                sentence = f"Another record in the target has the same {field}."
                faults.append(Finding(FaultCode.TAKEN, key.pointer, sentence))

    def _judge_references(
        self, ordinal: int, references: Sequence[Mention], known: Known, faults: list[Finding]
    ) -> list[Finding]:
        """Add the faults of references that lead nowhere; return those that a row behind this one may put right."""
        missing: list[Finding] = []
        for reference in references:
            if reference.question in self._found:
                continue
            earlier = known.earlier(reference.question, ordinal)
            if (earlier is not None and earlier.accepted) or known.holder(reference.question) is not None:
                self._found.add(reference.question)
            elif len(faults) + len(missing) < MOST_FINDINGS:
                comes = self._may_wait and earlier is None and reference.question[0] == self._rules.doctype
                (missing if comes else faults).append(_nowhere(reference, earlier))
        return missing


def _nowhere(reference: Mention, earlier: Earlier | None) -> Finding:
    doctype, field, _ = reference.question
    if earlier is None:
        sentence = f"Neither the target nor an earlier row has a record of {doctype} with this {field}."
        return Finding(FaultCode.REFERENCE_MISSING, reference.pointer, sentence)
    sentence = f"The record of {doctype} with this {field} is not taken itself: {earlier.place}."
    return Finding(FaultCode.REFERENCE_FAILED, reference.pointer, sentence)
