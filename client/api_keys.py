"""``python -m client api-key``: make, revoke and list API keys of a deployment, with the operator's own credentials.

Keys are written by the same code that the functions read them with, so it runs from a checkout.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.dynamodb_api_keys import DynamoDbApiKeys
from waybill.domain.api_key import SCOPES, new_key
from waybill.domain.date_range import zone_of
from waybill.domain.errors import WaybillError


def main(arguments: Sequence[str]) -> int:
    """Run one subcommand; return its exit code."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    region = asked.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        parser.error("Name the region with --region, or set AWS_REGION.")
    try:
        return _run(asked, DynamoDbApiKeys(_client(region), asked.table))
    except (WaybillError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(asked: argparse.Namespace, keys: DynamoDbApiKeys) -> int:
    if asked.command == "create":
        zone_of(asked.time_zone)
        scopes = tuple(asked.scope or SCOPES)
        key, secret = new_key(
            asked.tenant, app_id=asked.app_id, scopes=scopes, time_zone=asked.time_zone, now=datetime.now(UTC)
        )
        keys.add(key)
        print(f"QISCUS-SDK-APP-ID: {key.app_id}\nQISCUS-SDK-SECRET: {secret}")
        print("Keep the secret now: it cannot be shown again.", file=sys.stderr)
    elif asked.command == "revoke":
        keys.revoke(asked.app_id)
    else:
        for key in sorted(keys.all(), key=lambda each: (each.tenant, each.app_id)):
            state = "enabled" if key.enabled else "revoked"
            print(key.app_id, key.tenant, state, key.time_zone, ",".join(key.scopes), f"{key.created_at:%Y-%m-%d}")
    return 0


def _client(region: str) -> AwsJsonClient:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or os.environ.get("AWS_ENDPOINT_URL")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return AwsJsonClient(
        "dynamodb", "DynamoDB_20120810", endpoint=endpoint or f"https://dynamodb.{region}.{suffix}", region=region
    )


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--table", required=True, help="the stack's output JobsTableName")
    shared.add_argument("--region", help="default: AWS_REGION")
    parser = argparse.ArgumentParser(prog="python -m client api-key", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", parents=[shared], help="make a key and print it, once")
    create.add_argument("--tenant", required=True, help="whose data it opens")
    create.add_argument("--app-id", help="default: one that is made up")
    create.add_argument("--time-zone", default="UTC", help="IANA name; days and times are those of it. Default: UTC")
    create.add_argument("--scope", action="append", choices=SCOPES, help="may be repeated. Default: all")
    revoke = commands.add_parser("revoke", parents=[shared], help="have a key taken no longer, at once and for good")
    revoke.add_argument("app_id")
    commands.add_parser("list", parents=[shared], help="app id, tenant, state, time zone, scopes, day it was made")
    return parser
