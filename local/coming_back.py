"""The other half of ``make demo``: what came out goes into a user who has nothing, as an import."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local import deployment, users
from local.engine_process import Engine
from local.errors import LocalError
from local.exports_api import ExportsApi
from local.imports_api import ImportsApi
from local.paths import LOGS
from local.stack_file import Stack


def bring_back(stack: Stack, parts: Iterable[Path], manifest: dict[str, Any]) -> None:
    """Import the parts of an export as a new user, and say what came of it.

    Raises LocalError unless every record and every file that the manifest names has come back.
    """
    newcomer = _new_user(stack)
    imports = ImportsApi(ExportsApi(stack.api_url, newcomer.token))
    print(f"\nUploading the archives, importing them as {newcomer.name}, who has nothing …", flush=True)
    made = imports.create(uploads=imports.upload_files(list(parts)))
    ended = imports.finished(made["id"])["attributes"]
    if ended["state"] != "done":
        raise LocalError(f"The import ended in state {ended['state']}: {ended['error']}")
    written, files = ended["counts"]["written"], ended["counts"]["files"]
    expected = sum(line["written"] for line in manifest["doctypes"].values()), manifest["files"]["written"]
    if (written, files) != expected:
        raise LocalError(f"The import brought back {written} records and {files} files, and not {expected}.")
    print(f"The import brought back {written:,} records and {files:,} files, in {_seconds(ended):.0f} s.")


def _new_user(stack: Stack) -> users.User:
    outputs = deployment.outputs(Engine(stack.endpoint_url, stack.api_url, stack.link_api_url, LOGS / "engine.log"))
    name = f"newcomer-{secrets.token_hex(4)}"
    return users.sign_in_all(stack.endpoint_url, outputs["UserPoolId"], outputs["UserPoolClientId"], [name])[0]


def _seconds(ended: dict[str, Any]) -> float:
    return float(ended["creation_duration"]) / 1e9
