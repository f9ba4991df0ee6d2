"""Where the Jobs table tells that its TTL has removed exports and imports (DynamoDB Streams, "Time to live").

What is sent, and what is answered for a record that shall come again: Lambda developer guide, "DynamoDB event record",
"Reporting batch item failures".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from waybill.adapters.dynamodb_imports import import_of_image
from waybill.adapters.dynamodb_jobs import job_of_image
from waybill.domain.import_job import ImportJob
from waybill.domain.job import ExportJob
from waybill.entry.bootstrap import Wiring
from waybill.entry.event import Happening
from waybill.entry.observability import logger, place_of

_EXPORT, _IMPORT = "export#", "import#"


@dataclass(frozen=True, slots=True)
class Removal:
    """One export whose record is gone. ``job`` is the record as it was."""

    job: ExportJob
    wiring: Wiring


@dataclass(frozen=True, slots=True)
class ImportRemoval:
    """One import whose record is gone. ``job`` is the record as it was."""

    job: ImportJob
    wiring: Wiring


def each_removal(
    exports: Callable[[Removal], object], imports: Callable[[ImportRemoval], object]
) -> Callable[[Happening], object]:
    """Make a function that takes a batch of stream records of one for exports and one for imports.

    A record that fails does not hold up those behind it in the batch. It is named in the answer, and Lambda sends it
    again with all behind it, which changes nothing for those that succeeded.
    """

    def remove(record: Mapping[str, Any], wiring: Wiring) -> None:
        image = record["OldImage"]
        if record["Keys"]["sk"]["S"].startswith(_IMPORT):
            imports(ImportRemoval(import_of_image(image), wiring))
        else:
            exports(Removal(job_of_image(image), wiring))

    def all_of_them(batch: Happening) -> object:
        failures = []
        for record in filter(_tells_of_expiry, batch.payload["Records"]):
            try:
                remove(record["dynamodb"], batch.wiring)
            except Exception as error:
                # Its text may hold personal data if it is none of ours, so the place must do.
                about = {"error": type(error).__name__, "at": place_of(error)}
                logger().error("removal failed", extra=about)
                failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
        return {"batchItemFailures": failures}

    return all_of_them


def _tells_of_expiry(record: Mapping[str, Any]) -> bool:
    """Whether the TTL has removed an export or an import. The template's filter lets nothing else through."""
    by = record.get("userIdentity") or {}
    sort_key = record["dynamodb"]["Keys"]["sk"]["S"]
    return by.get("principalId") == "dynamodb.amazonaws.com" and sort_key.startswith((_EXPORT, _IMPORT))
