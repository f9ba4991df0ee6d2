"""What stands in the target already."""

from collections.abc import Mapping, Sequence
from typing import Protocol

MOST_ASKED = 100
"""Keys in one question: as many as DynamoDB's BatchGetItem takes."""


class Existing(Protocol):
    """The records of the tenant in the target, as they were before the import: its answers do not change meanwhile."""

    def existing(self, doctype: str, field: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Return which of at most MOST_ASKED keys some record has in ``field``, each with what names that record.

        For the field that names records, that is the key itself. Keys that no record has are not in the answer.
        """
        ...
