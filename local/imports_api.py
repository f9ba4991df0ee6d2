"""A small client of Waybill's imports, as the demo user's program would write it."""

import json
import time
from pathlib import Path
from typing import Any

from local import web
from local.errors import LocalError
from local.exports_api import ExportsApi, expect

_PAUSE_SECONDS = 0.5


class ImportsApi:
    """The uploads and imports of the user whose exports ``api`` has."""

    def __init__(self, api: ExportsApi) -> None:
        self._api = api

    def upload(self, name: str, content: bytes) -> str:
        """Send a file to the bucket, piece by piece, past the API; return the upload's id."""
        begun = self._post("/move/uploads", {"name": name, "size": len(content)}, 201)
        size, path = begun["attributes"]["part_size"], begun["links"]["self"]
        while wanted := self._get(path)["attributes"]["wanted"]:
            for piece in wanted:
                start = (piece["number"] - 1) * size
                answer = web.request("PUT", piece["url"], body=content[start : start + piece["size"]])
                if answer.status != 200:
                    raise LocalError(f"The link of an upload answered {answer.status}: {answer.body[:300]!r}")
        return str(self._post(f"{path}/complete", None, 200)["id"])

    def upload_files(self, paths: list[Path]) -> list[str]:
        """Upload files under their own names; return the ids."""
        return [self.upload(path.name, path.read_bytes()) for path in paths]

    def create(self, **attributes: Any) -> dict[str, Any]:
        """Ask for an import; return its resource object."""
        return self._post("/move/imports", attributes, 202)

    def finished(self, import_id: str, *, seconds: float = 600) -> dict[str, Any]:
        """Wait until an import, or the undoing of it, no longer runs and return it."""
        deadline = time.monotonic() + seconds
        while True:
            found = self._get(f"/move/imports/{import_id}")
            if found["attributes"]["state"] not in ("importing", "undoing"):
                return found
            if time.monotonic() > deadline:
                raise LocalError(f"The import {import_id} has not ended within {seconds:.0f} s.")
            time.sleep(_PAUSE_SECONDS)

    def failures(self, import_id: str) -> bytes:
        """Return the file of the rejected rows. The token does not go to where the link leads."""
        answer = self._api.call("GET", f"/move/imports/{import_id}/failures")
        link = expect(answer, 302).headers["location"]
        return expect(web.request("GET", link), 200).body

    def undo(self, import_id: str) -> dict[str, Any]:
        """Take an import back, wait until that is done, and return the import."""
        self._post(f"/move/imports/{import_id}/undo", None, 202)
        return self.finished(import_id)

    def _get(self, path: str) -> dict[str, Any]:
        return dict(expect(self._api.call("GET", path), 200).document["data"])

    def _post(self, path: str, attributes: dict[str, Any] | None, status: int) -> dict[str, Any]:
        body = None if attributes is None else json.dumps({"data": {"attributes": attributes}})
        return dict(expect(self._api.call("POST", path, body=body), status).document["data"])
