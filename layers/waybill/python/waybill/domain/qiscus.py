"""What the Qiscus dialect can ask for and show (seed 003, "Data Backup and Import")."""

import re
from datetime import date
from itertools import pairwise

from waybill.domain.errors import ExportNotFound
from waybill.domain.job import ExportJob
from waybill.domain.options import MAX_PARTS_SIZE, PLAIN, ExportOptions

RESOURCES = ("users", "rooms", "comments")
"""Its resource types; each is the doctype of that name in the catalog."""

PAGE_SIZE = 20
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


def unique_id(export_id: str) -> str:
    """Return an export's id as a UUID is written."""
    cuts = (0, 8, 12, 16, 20, 32)
    return "-".join(export_id[start:end] for start, end in pairwise(cuts))


def export_id_of(given: str) -> str:
    """Return the id of the export that is asked for, written as a UUID or not; what is no id is returned as it is."""
    text = given.lower()
    return "".join(found.groups()) if (found := _UNIQUE_ID.fullmatch(text)) else text
