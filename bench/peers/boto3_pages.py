"""boto3's way from DynamoDB's answers to NDJSON lines: botocore's parser, TypeDeserializer, json.dumps.

Arguments and output as in bench.ours.convert_pages. Records that are text already are taken as they are.
"""

import json
import sys
import time
from decimal import Decimal
from pathlib import Path

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.parsers import create_parser


def main(file: str, kind: str, times: str) -> None:
    """Parse the answer as boto3's client does, again and again."""
    body = Path(file).read_bytes()
    service = boto3.client("dynamodb").meta.service_model
    parser, shape = create_parser(service.resolved_protocol), service.operation_model("Query").output_shape
    if shape is None:
        raise SystemExit("botocore does not know what a Query answers.")
    deserialize = TypeDeserializer().deserialize
    size = 0
    begin = time.process_time()
    for _ in range(int(times)):
        answer = parser.parse({"status_code": 200, "headers": {}, "body": body}, shape)
        for item in answer["Items"]:
            record = {name: deserialize(value) for name, value in item.items()}
            line = record["body"] if kind == "text" else json.dumps(record, default=_plain)
            size += len(line.encode()) + 1
    print(json.dumps({"seconds": time.process_time() - begin, "bytes": size}))


def _plain(value: object) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(type(value).__name__)
    return int(value) if value == value.to_integral_value() else float(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
