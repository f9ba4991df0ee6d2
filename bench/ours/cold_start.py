"""What happens in a cold process before it can do its first piece of work. Prints the milliseconds.

Argument: ``boto3`` for the yardstick, else a function's name. The clock starts in the running interpreter.
"""

import sys
import time

_BEGIN = time.perf_counter()


def boto3_client() -> None:
    """The yardstick: import boto3 and make a client."""
    import boto3  # noqa: PLC0415

    boto3.client("dynamodb", region_name="us-east-1")


def read_chunk() -> None:
    """A worker: its handler, and the adapters that it works with. The catalog comes with the export, as an object."""
    from read_chunk.app import handler  # noqa: PLC0415
    from waybill.domain.catalog import Catalog  # noqa: PLC0415
    from waybill.entry.bootstrap import wiring  # noqa: PLC0415

    parts = wiring()
    _there(handler, parts.jobs, parts.archives, parts.sources(Catalog()))


def get_export() -> None:
    """The route that is asked most: its handler and the job records."""
    from get_export.app import handler  # noqa: PLC0415
    from waybill.entry.bootstrap import wiring  # noqa: PLC0415

    _there(handler, wiring().jobs)


def create_export() -> None:
    """The route with a body, up to its answer to a request that names an unknown doctype.

    Body, options and catalog are read and every adapter is made; nothing is sent anywhere.
    """
    import json  # noqa: PLC0415

    from create_export.app import handler  # noqa: PLC0415

    class Context:
        aws_request_id = "bench"

    claims = {"sub": "alice", "scope": "waybill/exports.create"}
    event = {
        "headers": {"content-type": "application/vnd.api+json"},
        "requestContext": {"authorizer": {"jwt": {"claims": claims}}},
        "body": json.dumps({"data": {"attributes": {"with_doctypes": ["unknown"]}}}),
    }
    answer = handler(event, Context())
    if answer["statusCode"] != 422:
        raise RuntimeError(f"The request was answered otherwise than expected: {answer}")


def _there(*parts: object) -> None:
    if not all(parts):
        raise RuntimeError("Something was not made.")


_STARTS = {"boto3": boto3_client, "read_chunk": read_chunk, "get_export": get_export, "create_export": create_export}

if __name__ == "__main__":
    _STARTS[sys.argv[1]]()
    print((time.perf_counter() - _BEGIN) * 1000)
