"""A cost is what was counted times the price, by service."""

import pytest

from waybill.domain.prices import LambdaTime, Usage


def test_costs_are_counts_times_prices() -> None:
    usage = Usage(
        api_requests=1_000_000,
        functions=LambdaTime(invocations=1_000_000, gb_seconds=100_000),
        transitions=1_000,
        read_units=8_000_000,
        write_units=1_600_000,
        s3_puts=1_000,
        s3_gets=10_000,
        signatures=10_000,
    )
    assert usage.costs() == pytest.approx(
        {
            "API": 1.0,
            "Lambda": 0.2 + 1.33334,
            "Step Functions": 0.025,
            "DynamoDB": 2.0,
            "S3 PUT class": 0.005,
            "S3 GET": 0.004,
            "KMS": 0.15,
        }
    )
    assert usage.total == pytest.approx(sum(usage.costs().values()))
