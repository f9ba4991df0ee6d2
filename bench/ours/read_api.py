"""Reads applications of an OS2iot, each by its id; prints how many, and in how many seconds."""

import json
import sys
import time

from waybill.adapters.http import Endpoint
from waybill.domain.catalog import Doctype, SystemSource
from waybill.sources.os2iot.source import opened
from waybill.sources.system import Tools


class _Secrets:
    def get(self, name: str, *, fresh: bool = False) -> str:  # noqa: ARG002 - as the port says
        """Return what the slow API takes: anything."""
        return json.dumps({"username": "ada", "password": "secret"})


def main() -> None:
    """Read them with as many requests in flight as the command line says."""
    url, limit = sys.argv[1], int(sys.argv[2])
    source = SystemSource("os2iot", "os2iot", url, "secret", ("operator",), requests=limit)
    records = opened(source, Tools(Endpoint, _Secrets()))(Doctype("os2iot.applications", source, "{}"))
    [shard] = records.shards(tenant="operator", start=0)
    began = time.monotonic()
    number = sum(item.line is not None for item in records.read(tenant="operator", shard=shard, after=None))
    print(json.dumps({"records": number, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main()
