"""Deletes an export while UForge still makes archives for it, and lets SettleDebts give their tickets back.

``python -m tests.e2e.leave_tickets``, with ``WAYBILL_SYSTEM=uforge``: a process of its own, because which stack is
meant is decided when ``local`` is imported. Exit 0 only if no ticket stays.
"""

import json
import time
from typing import Any
from urllib.request import urlopen

import yaml
from local.aws import Aws
from local.errors import LocalError, run
from local.exports_api import ExportsApi
from local.lock import exclusive
from local.paths import BUILD
from local.stack_file import Stack
from local.up import bring_up, take_down

_CATALOG = BUILD / "CatalogLayer" / "python" / "waybill_catalog" / "catalog.yaml"
_SECONDS = 180


def _main() -> None:
    stack, started_here = bring_up()
    try:
        _leave(stack)
    finally:
        if started_here:
            with exclusive():
                take_down()


def _leave(stack: Stack) -> None:
    api = ExportsApi(stack.api_url, stack.users["owner"].token)
    export = api.create(with_doctypes=["uforge.appliances"])
    _until("UForge has tickets", lambda: _state()["tickets"] > 0)
    api.delete(export["id"])
    aws = Aws(stack.endpoint_url)
    names = [each["FunctionName"] for each in aws.functions.list_functions(MaxItems=200)["Functions"]]
    (settle,) = [name for name in names if "SettleDebts" in name]

    def settled() -> bool:
        answer = json.loads(aws.functions.invoke(FunctionName=settle, Payload=b"{}")["Payload"].read())
        print(answer, flush=True)  # noqa: T201 - what the test looks at
        return bool(_state()["tickets"] == 0 and answer == {"settled": 0, "running": 0})

    _until("all tickets are given back", settled)  # a reader that was under way may still take one up


def _state() -> dict[str, Any]:
    url = yaml.safe_load(_CATALOG.read_text(encoding="utf-8"))["sources"]["uforge"]["url"]
    with urlopen(f"{url.removesuffix('/api')}/_state", timeout=10) as answer:
        return dict(json.load(answer))


def _until(what: str, holds: Any) -> None:
    deadline = time.monotonic() + _SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise LocalError(f"It took more than {_SECONDS} seconds until {what}.")
        time.sleep(0.5)


if __name__ == "__main__":
    run(_main)
