"""``.local/stack.json``: how programs attach to the running stack."""

import json
import os
from dataclasses import dataclass
from typing import Any

from local.engine_process import ACCESS_KEY, REGION, Engine
from local.paths import STACK_FILE
from local.users import User

_RESOURCES = {
    "jobs_table": "JobsTableName",
    "documents_table": "DocumentsTableName",
    "files_bucket": "FilesBucketName",
    "archives_bucket": "ArchivesBucketName",
    "export_workflow_arn": "ExportWorkflowArn",
}
"""Our names of the stack's outputs."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack."""

    api_url: str
    link_api_url: str
    endpoint_url: str
    users: dict[str, User]
    resources: dict[str, str]


def write(engine: Engine, outputs: dict[str, str], users: list[User]) -> Stack:
    """Write the file, readable by its owner only because of the tokens, and return what it says."""
    document = {
        "api_url": engine.api_url,
        "link_api_url": engine.link_api_url,
        "aws": {
            "endpoint_url": engine.endpoint_url,
            "region": REGION,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": ACCESS_KEY,
        },
        "users": {user.name: {"tenant": user.tenant, "token": user.token} for user in users},
        "resources": {name: outputs[output] for name, output in _RESOURCES.items()},
    }
    fresh = STACK_FILE.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
    fresh.replace(STACK_FILE)
    return _parse(document)


def read() -> Stack | None:
    """Return what the file says, None if there is none. It may be about a stack that is gone."""
    try:
        return _parse(json.loads(STACK_FILE.read_text(encoding="utf-8")))
    except (FileNotFoundError, KeyError, ValueError):
        return None


def _parse(document: dict[str, Any]) -> Stack:
    users = {name: User(name, user["tenant"], user["token"]) for name, user in document["users"].items()}
    return Stack(
        document["api_url"],
        document["link_api_url"],
        document["aws"]["endpoint_url"],
        users,
        document["resources"],
    )
