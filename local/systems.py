"""Another system on this machine: its stand-in as a process, and the catalog and the secret that it is read with.

The stand-ins are those of the tests (``tests/systems``); ``make demo SYSTEM=os2iot`` leaves one of them end to end.
"""

import json
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from local import processes
from local.aws import Aws
from local.errors import LocalError
from local.paths import BUILD, LOGS, ROOT, STATE

OPERATOR = "owner"
"""The demo user who may export the system. With ``TenantClaim=username`` the tenant is called as the user is."""

PARAMETERS = ("TenantClaim=username",)
_CATALOGS = ROOT / "layers" / "catalog" / "systems"
_BUILT_CATALOG = BUILD / "CatalogLayer" / "python" / "waybill_catalog" / "catalog.yaml"
_START_SECONDS = 30.0
_NOTE = STATE / "stand-in.json"
_MARK = "tests.systems."


@dataclass(frozen=True, slots=True)
class StandIn:
    """A system's stand-in: ``path`` is where its API begins, ``secret`` what it is signed in to with.

    ``source`` are fields of the source in the catalog, besides these, that are others here than in the ready-made one.
    A secret that only the stand-in knows is asked of it, at its address. What is no web API has no path.
    """

    path: str | None
    secret: Mapping[str, str] | Callable[[str], Mapping[str, str]]
    source: Mapping[str, Any]

    def secret_at(self, url: str) -> Mapping[str, str]:
        """Return what the stand-in at ``url`` is signed in to with."""
        return self.secret(url) if callable(self.secret) else self.secret


def _link_of_cozy(url: str) -> Mapping[str, str]:
    """Return the link that the Cozy would mail."""
    with urllib.request.urlopen(f"{url}/_link", timeout=_START_SECONDS) as answer:
        return {"link": answer.read().decode()}


def _shop(url: str) -> Mapping[str, str]:
    """Return where the database is and how to sign in, in the form of a secret that RDS manages."""
    address = urlsplit(url)
    where = {"host": str(address.hostname), "port": str(address.port)}
    return {**where, "username": "waybill", "password": "hunter2", "dbname": "shop", "sslmode": "disable"}


_PRIVATE = {"allow_private": True}
"""The stand-ins are on this machine."""


STAND_INS: Mapping[str, StandIn] = {
    "cozy": StandIn("", _link_of_cozy, {**_PRIVATE, "url": ""}),
    "os2iot": StandIn("/api/v1", {"username": "global-admin@os2iot.dk", "password": "hunter2"}, {}),
    "postgres": StandIn(None, _shop, {}),
    "uforge": StandIn("/api", {"login": "bob", "api_key": "PUB", "secret_key": "SEC"}, {}),
    "qiscus": StandIn(
        "",
        {"app_id": "kiwari-stag", "secret": "qiscus-secret-key"},
        {**_PRIVATE, "since": "2025-12-01", "most_rows": 60},
    ),
}
"""By the name that the system has as the kind of a source, and as a package of ``tests/systems``."""


def start(system: str) -> str:
    """Start a system's stand-in and wait until it answers; return where. Raises LocalError if it does not."""
    if system not in STAND_INS:
        raise LocalError(f"There is no stand-in of {system!r}. There are: {', '.join(sorted(STAND_INS))}.")
    [port] = processes.free_ports(1)
    log = LOGS / "stand-in.log"
    command = [sys.executable, "-m", f"{_MARK}{system}", "--port", str(port)]
    environment = {"PYTHONPATH": f"{ROOT / 'layers/waybill/python'}:{ROOT}", "PYTHONUTF8": "1"}
    process = processes.start(command, cwd=ROOT, env=environment, log=log, note=_NOTE)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"http://127.0.0.1:{port}"
        time.sleep(0.1)
    raise LocalError(f"The stand-in of {system} did not start: see {log}.")


def stop() -> bool:
    """Stop the stand-in; return whether it ran. Safe to repeat."""
    return processes.stop(_NOTE, mark=_MARK)


def put_secret(system: str, url: str, endpoint_url: str) -> str:
    """Put what the stand-in at ``url`` is signed in to with into Secrets Manager; return the secret's ARN."""
    secrets, name = Aws(endpoint_url).secrets, f"waybill/{system}"
    value = json.dumps(dict(STAND_INS[system].secret_at(url)))
    try:
        return str(secrets.create_secret(Name=name, SecretString=value)["ARN"])
    except secrets.exceptions.ResourceExistsException:
        return str(secrets.put_secret_value(SecretId=name, SecretString=value)["ARN"])


def put_catalog(system: str, url: str, secret_arn: str, catalog: Path = _BUILT_CATALOG) -> None:
    """Replace the built catalog by the ready-made one of a system, with what an operator would fill in."""
    document = yaml.safe_load((_CATALOGS / f"{system}.yaml").read_text(encoding="utf-8"))
    stand_in = STAND_INS[system]
    for source in document["sources"].values():
        address = {} if stand_in.path is None else {"url": url + stand_in.path}
        source |= {**address, "secret": secret_arn, "tenants": [OPERATOR], **stand_in.source}
    catalog.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
