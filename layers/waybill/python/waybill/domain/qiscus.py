"""What the Qiscus dialect can ask for and show (seed 003, "Data Backup and Import")."""

import re
from datetime import date
from itertools import pairwise

from waybill.domain.errors import ExportNotFound
from waybill.domain.import_job import ImportJob
from waybill.domain.import_options import InputKind
from waybill.domain.job import ExportJob
from waybill.domain.options import MAX_PARTS_SIZE, PLAIN, ExportOptions

RESOURCES = ("users", "rooms", "comments")
"""Its resource types; each is the doctype of that name in the catalog."""

PAGE_SIZE = 20
MOST_FILE = 4_000_000
"""Bytes of a file that is imported: seed 003's 4 MB, read as the smaller of its two meanings."""

FORMAT = "json"

_UNIQUE_ID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})")


def qiscus_options(resource: str, start_date: date | None, end_date: date | None, time_zone: str) -> ExportOptions:
    """Return the options of an export that is one JSON file with all records of one resource type."""
    return ExportOptions(
        parts_size=MAX_PARTS_SIZE,
        with_doctypes=(resource,),
        format=FORMAT,
        layout=PLAIN,
        start_date=start_date,
        end_date=end_date,
        time_zone=time_zone,
    )


def is_shown(job: ExportJob) -> bool:
    """Whether the dialect has a form for an export, whichever door it came through."""
    named = job.options.with_doctypes
    return job.options.format == FORMAT and len(named) == 1 and named[0] in RESOURCES


def check_shown(job: ExportJob) -> None:
    """Raise ExportNotFound for an export that the dialect has no form for."""
    if not is_shown(job):
        raise ExportNotFound(
            "The export with this id is not one of users, rooms or comments as json. Ask for it at /move/exports."
        )


def is_import_shown(job: ImportJob) -> bool:
    """Whether the dialect has a form for an import: one file of one of its types, sent with the request for it."""
    inputs = job.options.inputs
    return job.options.doctype in RESOURCES and len(inputs) == 1 and inputs[0].kind is InputKind.REQUEST


def unique_id(job_id: str) -> str:
    """Return the id of an export or import as a UUID is written."""
    cuts = (0, 8, 12, 16, 20, 32)
    return "-".join(job_id[start:end] for start, end in pairwise(cuts))


def export_id_of(given: str) -> str:
    """Return the id of the export that is asked for, written as a UUID or not; what is no id is returned as it is."""
    text = given.lower()
    return "".join(found.groups()) if (found := _UNIQUE_ID.fullmatch(text)) else text
