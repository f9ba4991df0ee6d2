"""Waybill's way from a file of rows to records: stage, validate and load, in one process.

Arguments: DOCTYPE UPLOAD SIZE. The upload has SIZE bytes in the bucket. Prints the rows that came in and those that
were written, the processor seconds of each step, and ``peak_mib`` and ``start_mib`` as ``bench.ours.run_step`` does.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench.ours.run_step import peak_mib
from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.catalog_sink import CatalogSink
from waybill.adapters.clock import system_clock
from waybill.adapters.s3_contents import S3Contents
from waybill.adapters.s3_objects import S3Objects
from waybill.domain.catalog import Catalog, Doctype, TableSource
from waybill.domain.import_job import ImportJob, new_import
from waybill.domain.import_limits import ImportLimits
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.domain.upload import Upload, UploadState
from waybill.ports import ObjectStore
from waybill.rules.rulebook import rules_of
from waybill.services.load_rows import load_rows
from waybill.services.stage_import import stage_import
from waybill.services.validate_rows import validate_rows

TENANT = "tenant"
REGION = "us-east-1"
ARCHIVES = "imports"
TABLE = TableSource(
    "documents", "pk", "{tenant}#{doctype}", "sk", body_attribute="body", updated_at_attribute="updated_at"
)
CATALOG = Catalog(
    {
        "users": Doctype("users", TABLE, "{}", date_field="CreateAt"),
        "rooms": Doctype("rooms", TABLE, "{}", date_field="CreatedAt"),
        "comments": Doctype("comments", TABLE, "{}", date_field="CreatedAt"),
    }
)


class _Imports:
    """The record of the one import."""

    def __init__(self, job: ImportJob) -> None:
        self._job = job

    def get(self, tenant: str, import_id: str) -> ImportJob:  # noqa: ARG002 - there is only one
        """Return the import."""
        return self._job

    def replace(self, job: ImportJob) -> None:
        """Store a changed import."""
        self._job = job


class _Uploads:
    """The record of the one upload."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    def get(self, tenant: str, upload_id: str) -> Upload:  # noqa: ARG002 - there is only one
        """Return the upload."""
        return self._upload


class _Endless:
    """A budget that is never spent."""

    def spent(self) -> bool:
        """Whether the step should stop."""
        return False


def main(doctype: str, upload_id: str, size: str) -> None:
    """Import the rows, and print what that took."""
    start = peak_mib()
    upload = Upload(TENANT, upload_id, f"{doctype}.json", int(size), datetime.now(UTC), state=UploadState.COMPLETE)
    options = ImportOptions((ImportInput(InputKind.UPLOAD, upload_id),), doctype)
    job = new_import(TENANT, options, datetime.now(UTC))
    seconds = {}
    imports = _Imports(job)
    archives = S3Objects(ARCHIVES, region=REGION, endpoint=os.environ["AWS_ENDPOINT_URL_S3"])
    for name, step in _steps(job, imports, _Uploads(upload), archives).items():
        begin = time.process_time()
        while not step():
            pass
        seconds[name] = time.process_time() - begin
    counts = imports.get(TENANT, job.id).counts
    memory = {"start_mib": start, "peak_mib": peak_mib()}
    print(json.dumps({"rows": counts.rows, "written": counts.written, "seconds": seconds, **memory}))


def _steps(job: ImportJob, imports: _Imports, uploads: Any, archives: ObjectStore) -> dict[str, Callable[[], bool]]:
    endpoint = os.environ["AWS_ENDPOINT_URL_DYNAMODB"]
    client = AwsJsonClient("dynamodb", "DynamoDB_20120810", endpoint=endpoint, region=REGION)
    sink = CatalogSink(CATALOG, tables=client, contents=_no_contents, archives=ARCHIVES)
    common: dict[str, Any] = {
        "imports": imports,
        "catalog": CATALOG,
        "archives": archives,
        "budget": _Endless(),
        "clock": system_clock,
    }
    inputs: dict[str, Any] = {"uploads": uploads, "inputs_client": None, "verifier": None, "limits": ImportLimits()}
    return {
        "stage": lambda: stage_import(TENANT, job.id, **inputs, **common),
        "validate": lambda: validate_rows(
            TENANT,
            job.id,
            rules_of=lambda name, made: rules_of(name, CATALOG.doctypes.values(), made.created_at),
            sink=sink,
            **common,
        ),
        "load": lambda: load_rows(TENANT, job.id, sink=sink, **common),
    }


def _no_contents(bucket: str) -> S3Contents:
    raise LookupError(f"No doctype of this figure has files, and so none in {bucket}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
