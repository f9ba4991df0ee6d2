"""What is known of the keys of one batch of rows: from earlier rows, and from the target."""

from collections.abc import Iterable, Mapping, Sequence

from waybill.rules.doctype_rules import Checked, Question
from waybill.rules.existing import MOST_ASKED, Existing
from waybill.rules.seen import Earlier, Seen, digest_of, digest_of_reserved


class Known:
    """Answers for one batch of rows of one doctype. Both sources are asked once, about all keys of the batch."""

    def __init__(self, doctype: str, seen: Seen, existing: Existing, *, reserves: bool = False) -> None:
        """``reserves`` says that rows may wait, and that keys are kept for them."""
        self._reserves = reserves
        self._doctype = doctype
        self._seen = seen
        self._existing = existing
        self._digests: dict[Question, bytes] = {}
        self._reserved_digests: dict[Question, bytes] = {}
        self._before: dict[Question, Earlier] = {}
        self._reserved: dict[Question, Earlier] = {}
        self._freshly_reserved: dict[Question, Earlier] = {}
        self._fresh: dict[Question, Earlier] = {}
        self._holders: dict[Question, str] = {}

    def look_up(self, rows: Sequence[Checked], found: set[Question], first: int) -> None:
        """Look up all keys of a batch, and the references that are not among ``found``.

        ``first`` is the ordinal of the batch's first row.
        """
        own = dict.fromkeys([key.question for row in rows for key in row.keys])
        referred = {
            reference.question: None
            for row in rows
            for reference in row.references
            if reference.question not in found and reference.question not in own
        }
        self._digests = {question: digest_of(question) for question in (*own, *referred)}
        if self._reserves:
            self._reserved_digests = {question: digest_of_reserved(question) for question in own}
        seen = self._seen.find([*self._digests.values(), *self._reserved_digests.values()])
        if seen:
            self._before = _found(self._digests, seen)
            self._reserved = _found(self._reserved_digests, seen)
        self._ask([*own, *[question for question in referred if not self._is_accepted(question, first)]])

    def earlier(self, question: Question, ordinal: int) -> Earlier | None:
        """Return the first row that has this key, if it stands before the row with this ordinal."""
        before = self._before.get(question)
        if before is not None and (question[0] != self._doctype or before.ordinal < ordinal):
            return before
        return self._fresh.get(question)

    def reserved(self, question: Question, ordinal: int) -> Earlier | None:
        """Return the first row that waits with this key, if it stands before the row with this ordinal."""
        before = self._reserved.get(question)
        return before if before is not None and before.ordinal < ordinal else self._freshly_reserved.get(question)

    def holder(self, question: Question) -> str | None:
        """Return what names the record in the target that has this key."""
        return self._holders.get(question)

    def remember(self, question: Question, earlier: Earlier) -> None:
        """Note that a row of this batch has a key. The first one counts."""
        self._fresh.setdefault(question, earlier)

    def reserve(self, question: Question, waiting: Earlier) -> None:
        """Keep a key for a row of this batch that waits. The first one counts."""
        if self._reserves:
            self._freshly_reserved.setdefault(question, waiting)

    def added(self) -> list[tuple[bytes, Earlier]]:
        """Return the keys of this batch, and those that are kept for its rows that wait."""
        fresh = [(self._digests[question], earlier) for question, earlier in self._fresh.items()]
        kept = [(self._reserved_digests[question], waiting) for question, waiting in self._freshly_reserved.items()]
        return fresh + kept

    def _is_accepted(self, question: Question, first: int) -> bool:
        before = self._before.get(question)
        return before is not None and before.accepted and (question[0] != self._doctype or before.ordinal < first)

    def _ask(self, questions: Iterable[Question]) -> None:
        by_field: dict[tuple[str, str], list[str]] = {}
        for doctype, field, value in questions:
            by_field.setdefault((doctype, field), []).append(value)
        for (doctype, field), values in by_field.items():
            for begin in range(0, len(values), MOST_ASKED):
                answer = self._existing.existing(doctype, field, values[begin : begin + MOST_ASKED])
                for value, holder in answer.items():
                    self._holders[doctype, field, value] = holder


def _found(digests: Mapping[Question, bytes], seen: Mapping[bytes, Earlier]) -> dict[Question, Earlier]:
    return {question: seen[digest] for question, digest in digests.items() if digest in seen}
