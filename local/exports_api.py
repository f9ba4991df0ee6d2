"""A small client of Waybill's API, as the demo user's program would write it."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from local import web
from local.errors import LocalError

MEDIA_TYPE = "application/vnd.api+json"
_PIECE = 1024 * 1024


class ExportsApi:
    """The exports of one user."""

    def __init__(self, api_url: str, token: str) -> None:
        self.url = api_url
        self.token = token

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> web.Answer:
        """Send a request with the user's token and return the answer, whatever its status."""
        url = urljoin(f"{self.url}/", path) + (f"?{urlencode(query)}" if query else "")
        sent = {"Authorization": f"Bearer {self.token}", "Accept": MEDIA_TYPE}
        if body is not None:
            sent["Content-Type"] = MEDIA_TYPE
        return web.request(method, url, headers=sent | dict(headers or {}), body=body)

    def create(self, **attributes: Any) -> dict[str, Any]:
        """Ask for an export; return its resource object."""
        body = json.dumps({"data": {"type": "io.cozy.exports", "attributes": attributes}})
        return _data(self.call("POST", "/move/exports", body=body), 202)

    def estimate(self, **attributes: Any) -> dict[str, Any]:
        """Ask what an export would be; return its resource object."""
        body = json.dumps({"data": {"type": "io.cozy.exports", "attributes": attributes}})
        return _data(self.call("POST", "/move/exports/estimate", body=body), 200)

    def get(self, export_id: str) -> dict[str, Any]:
        """Return the resource object of an export."""
        return _data(self.call("GET", f"/move/exports/{quote(export_id)}"), 200)

    def watch(self, export_id: str, *, seconds: float = 600, pause: float = 0.5) -> Iterator[dict[str, Any]]:
        """Yield the export again and again until it no longer runs."""
        deadline = time.monotonic() + seconds
        while True:
            export = self.get(export_id)
            yield export
            if export["attributes"]["state"] != "exporting":
                return
            if time.monotonic() > deadline:
                raise LocalError(f"The export {export_id} has not finished within {seconds:.0f} s.")
            time.sleep(pause)

    def finished(self, export_id: str, *, seconds: float = 600) -> dict[str, Any]:
        """Wait until an export no longer runs and return it."""
        for export in self.watch(export_id, seconds=seconds, pause=0.25):
            last = export
        return last

    def manifest(self, export_id: str) -> dict[str, Any]:
        """Return the manifest of a finished export."""
        answer = self.call("GET", f"/move/exports/{quote(export_id)}/manifest")
        expect(answer, 200)
        return dict(answer.document)

    def delete(self, export_id: str) -> web.Answer:
        """Delete an export."""
        return self.call("DELETE", f"/move/exports/{quote(export_id)}")

    def link(self, export_id: str, cursor: str | None = None) -> str:
        """Return the short-lived link to a part, the first without ``cursor``."""
        query = None if cursor is None else {"cursor": cursor}
        answer = self.call("GET", f"/move/exports/data/{quote(export_id)}", query=query)
        return expect(answer, 302).headers["location"]

    def download(self, export_id: str, cursor: str, target: Path) -> str:
        """Download a part into ``target`` and return its SHA-256. The token does not go to where the link leads."""
        connection, path = web.connect(self.link(export_id, cursor))
        digest = hashlib.sha256()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            if response.status != 200:
                raise LocalError(f"The link to a part answered {response.status}: {response.read(300)!r}")
            with target.open("wb") as file:
                while piece := response.read(_PIECE):
                    digest.update(piece)
                    file.write(piece)
        finally:
            connection.close()
        return digest.hexdigest()


def _data(answer: web.Answer, status: int) -> dict[str, Any]:
    return dict(expect(answer, status).document["data"])


def expect(answer: web.Answer, status: int) -> web.Answer:
    """Return the answer if it has this status, else raise LocalError with what it says."""
    if answer.status != status:
        text = answer.body[:500].decode(errors="replace")
        raise LocalError(f"The API answered {answer.status} instead of {status}: {text}")
    return answer
