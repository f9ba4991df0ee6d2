"""Qiscus's REST exports, as its documents and clients know them (source-systems, part C), and what may go wrong.

``QiscusServer`` needs no network: ``answer`` takes a request to the API, ``download`` one to the other host that files
are fetched from. What is not known of the real one can be set: whether the last day is included, in which form an
answer comes, and of which format files are.
"""

import csv
import io
import json
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlsplit

from tests.systems.qiscus.data import Chat, made_up

PATH = "/api/v2.1/rest/exports"
FILES = "/raw/upload/"
APP_ID, SECRET = "kiwari-stag", "qiscus-secret-key"
CAPS = {"users": 1000, "rooms": 1000, "comments": 5000}
"""The most rows of an export, as the current documents say."""

MOST_DAYS = 30
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ZONE = timezone(timedelta(hours=7))
"""That of the seed's samples."""


@dataclass
class Faults:
    """What goes wrong, or is as it may be as well.

    ``polls`` is how often a backup is asked for before it is finished. ``status`` is answered to the next ``times``
    requests whose method is ``only``, if that is set. ``truncate`` cuts JSON of the API, ``spoil`` the file's own,
    ``break_times`` downloads end early. ``short`` rows of each file are missing.
    """

    polls: int = 1
    status: int = 0
    times: int = 0
    only: str = ""
    retry_after: int = 0
    never_finish: bool = False
    odd_status: str = ""
    error_message: str = ""
    truncate: bool = False
    nested: bool = False
    flat: bool = False
    exclusive: bool = False
    form: str = "json"
    spoil: str = ""
    break_times: int = 0
    download_status: int = 0
    short: int = 0
    file_location: str = ""


@dataclass(frozen=True)
class Answer:
    """What is sent. One that is not ``whole`` breaks off."""

    status: int
    headers: dict[str, str]
    body: Iterable[bytes]
    whole: bool = True

    @property
    def bytes(self) -> bytes:
        return b"".join(self.body)


@dataclass
class Backup:
    """One export."""

    id: str
    kind: str
    first: date
    last: date
    made: datetime
    rows: list[dict[str, Any]]
    polls: int = 0
    deleted: bool = False


class QiscusServer:
    """One application of Qiscus."""

    def __init__(
        self,
        chat: Chat | None = None,
        *,
        caps: dict[str, int] | None = None,
        files: str = "https://res.cloud.example",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.chat = chat or made_up()
        self.caps = caps or CAPS
        self.files = files
        self.faults = Faults()
        self.backups: dict[str, Backup] = {}
        self.asked: list[str] = []
        self.leaked: list[str] = []
        self._clock = clock

    @property
    def left(self) -> list[str]:
        """The backups that nobody has deleted."""
        return [each.id for each in self.backups.values() if not each.deleted]

    @property
    def windows(self) -> list[tuple[str, str, str]]:
        """What was asked for: type, first and last day."""
        return [(each.kind, each.first.isoformat(), each.last.isoformat()) for each in self.backups.values()]

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """Answer a request to the API. Header names are in lower case."""
        path = urlsplit(target).path
        self.asked.append(f"{method} {path.removeprefix(PATH) or '/'}"[:6])
        if self.faults.times and self.faults.only in ("", method):
            self.faults.times -= 1
            told = {"retry-after": str(self.faults.retry_after)} if self.faults.retry_after else {}
            return _told(self.faults.status, {"error": {"message": "something broke"}}, **told)
        if not _is_signed(headers):
            return _told(401, {"error": {"message": "unauthorized", "code": 401303}})
        made = self._answered(method, path, headers, body)
        if self.faults.truncate and made.status == 200:
            return Answer(200, made.headers, [made.bytes[:-9]])
        return made

    def _answered(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if method == "POST" and path == PATH:
            if not headers.get("content-type", "").startswith("application/json"):
                return _refused("type is required")
            return self._create(body)
        found = self.backups.get(path.removeprefix(f"{PATH}/"))
        if method == "GET" and path == PATH:
            latest = sorted(self.backups.values(), key=lambda each: each.made, reverse=True)
            return _told(200, {"results": {"backup_histories": [self._shown(each) for each in latest[:20]]}})
        if found is None or found.deleted:
            return _told(404, {"error": {"message": "backup not found"}})
        if method == "DELETE":
            found.deleted = True
        elif method == "GET":
            found.polls += 1
        else:
            return _told(405, {"error": {"message": "method not allowed"}})
        return self._enveloped(found, nested=not self.faults.flat)

    def _create(self, body: bytes) -> Answer:
        try:
            asked = json.loads(body)
            kind, first, last = asked["type"], asked["start_date"], asked["end_date"]
        except (ValueError, KeyError, TypeError):
            return _refused("type is required")
        if kind not in self.caps or set(asked) != {"type", "start_date", "end_date"}:
            return _refused("type is invalid")
        if not _DAY.fullmatch(first) or not _DAY.fullmatch(last):
            return _refused("date must be YYYY-MM-DD")
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        if end < start or (end - start).days >= MOST_DAYS:
            return _refused("date range is at most 30 days")
        upto = end - timedelta(days=1) if self.faults.exclusive else end
        rows = self.chat.between(kind, start, upto, lambda moment: moment.astimezone(_ZONE).date())
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{len(self.backups)}"))
        self.backups[name] = Backup(name, kind, start, end, self._clock(), rows[: self.caps[kind]])
        return self._enveloped(self.backups[name], nested=self.faults.nested)

    def _enveloped(self, backup: Backup, *, nested: bool) -> Answer:
        shown = self._shown(backup)
        return _told(200, {"results": {"backup_history": shown} if nested else shown})

    def _shown(self, backup: Backup) -> dict[str, Any]:
        finished = backup.polls >= self.faults.polls and not self.faults.never_finish
        failed = self.faults.error_message if finished else ""
        done = finished and not failed
        made = backup.made.astimezone(_ZONE).isoformat(timespec="seconds")
        name = f"{made}_exported_{backup.kind}.json"
        place = f"{self.files}{FILES}{quote(name, safe=':+')}?id={backup.id}"
        return {
            "created_at": made,
            "download_url": (self.faults.file_location or place) if done else "",
            "error_message": failed,
            "original_filename": name,
            "percentage": 100 if done else min(backup.polls * 10, 90),
            "resource_name": backup.kind,
            "size": len(self._file(backup)) if done else 0,
            "status": self.faults.odd_status or ("finished" if done else "started"),
            "total_rows": len(backup.rows) if done else 0,
            "unique_id": backup.id,
        }

    def download(self, method: str, target: str, headers: dict[str, str]) -> Answer:
        """Answer a request to the host of the files, which must not get to see any secret."""
        self.leaked += [name for name in headers if "qiscus" in name or name in ("authorization", "cookie", "referer")]
        backup = self.backups.get(urlsplit(target).query.removeprefix("id="))
        if self.faults.download_status:
            return Answer(self.faults.download_status, {}, [b"<html>"])
        if method != "GET" or backup is None or backup.deleted:
            return Answer(404, {}, [b"<html>not found"])
        data = self._file(backup)
        if self.faults.break_times:
            self.faults.break_times -= 1
            return Answer(200, {}, [data[: len(data) // 2]], whole=False)
        return Answer(200, {"content-type": "application/octet-stream"}, [data])

    def _file(self, backup: Backup) -> bytes:
        rows = backup.rows[: len(backup.rows) - self.faults.short] if self.faults.short else backup.rows
        data = _FORMS[self.faults.form](rows)
        if self.faults.spoil == "truncated":
            return data[: len(data) * 2 // 3]
        return self.faults.spoil.encode() or data

    def set_faults(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Set faults by their names, and return all of them."""
        self.faults = Faults(**changes)
        return asdict(self.faults)


def _is_signed(headers: dict[str, str]) -> bool:
    """Whether a request brings app id and secret, with hyphens or with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return named.get("qiscus-sdk-app-id") == APP_ID and named.get("qiscus-sdk-secret") == SECRET


def _told(status: int, body: dict[str, Any], **headers: str) -> Answer:
    told = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Answer(status, told, [json.dumps({**body, "status": status}).encode()])


def _refused(message: str) -> Answer:
    return _told(400, {"error": {"message": message, "detailed_messages": [message]}})


def _as_csv(rows: list[dict[str, Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["UniqueId"])
    writer.writeheader()
    writer.writerows(
        {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in row.items()}
        for row in rows
    )
    return out.getvalue().encode()


_FORMS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "json": lambda rows: json.dumps(rows, indent=2, ensure_ascii=False).encode(),
    "ndjson": lambda rows: b"".join(json.dumps(row).encode() + b"\n" for row in rows),
    "csv": _as_csv,
}
