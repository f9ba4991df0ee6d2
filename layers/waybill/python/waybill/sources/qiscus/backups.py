"""Qiscus's REST exports, which it calls backups (seed 003; source-systems, C1 and C2)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from waybill.domain.errors import SourceUnavailable
from waybill.sources.rest.client import RestClient
from waybill.sources.rest.requests import ANYTHING, Reply, Request, json_request

_PATH = "exports"
_GONE = 404
_CANNOT = frozenset((_GONE, 405, 501))
"""Answers to a removal that no repetition will change. Older servers may not know it."""


class Backup(msgspec.Struct, frozen=True):
    """What Qiscus says of an export of its own. Whatever it leaves out is as it is at the start."""

    unique_id: str
    status: str = ""
    error_message: Any = ""
    download_url: str = ""
    total_rows: int = 0

    @property
    def has_failed(self) -> bool:
        """Whether it says that it has. No status is known for that; the message is the signal."""
        return bool(self.error_message)

    @property
    def is_finished(self) -> bool:
        """Whether its file can be fetched; where there are no rows, there may be no file."""
        return self.status == "finished" and (bool(self.download_url) or not self.total_rows)


@dataclass(frozen=True, slots=True)
class Backups:
    """The exports of one application. Every method raises SourceUnavailable."""

    client: RestClient

    def create(self, kind: str, first: date, last: date) -> Backup:
        """Ask for the rows of these days. ``kind`` is ``users``, ``rooms`` or ``comments``."""
        asked = {"type": kind, "start_date": first.isoformat(), "end_date": last.isoformat()}
        return _backup(self.client.send(json_request(_PATH, asked)))

    def find(self, identifier: str) -> Backup | None:
        """Return what has become of an export, None if it is not there any more."""
        reply = self.client.send(Request(f"{_PATH}/{identifier}", taken=frozenset((_GONE,))))
        return None if reply.status == _GONE else _backup(reply)

    def delete(self, identifier: str) -> None:
        """Remove an export and its file, if Qiscus can do that. Safe to repeat."""
        self.client.send(Request(f"{_PATH}/{identifier}", method="DELETE", taken=_CANNOT))


def _backup(reply: Reply) -> Backup:
    """Return what an answer says, in either of its forms: the fields in ``results``, or in ``backup_history`` of it."""
    results = _member(reply.json(ANYTHING), "results")
    found = _member(results, "backup_history") or results
    told = {name: value for name, value in found.items() if value is not None} if isinstance(found, dict) else None
    try:
        backup = msgspec.convert(told, Backup)
    except msgspec.ValidationError:
        raise SourceUnavailable(f"{reply.asked} was answered with JSON of another form.") from None
    if not _is_plain(backup.unique_id):
        raise SourceUnavailable(f"{reply.asked} was answered with an id that is none.")
    return backup


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _is_plain(identifier: str) -> bool:
    """Whether an id may stand in a path, a key and a sentence; Qiscus's are UUIDs."""
    return 0 < len(identifier) <= 64 and identifier.replace("-", "").isalnum() and identifier.isascii()  # noqa: PLR2004
