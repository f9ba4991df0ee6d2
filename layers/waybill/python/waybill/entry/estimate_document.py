"""An estimate as a JSON:API document."""

from collections.abc import Mapping
from typing import Any

from waybill.domain.date_range import day_text
from waybill.domain.estimate import Amount, Estimate

RESOURCE_TYPE = "io.cozy.exports.estimates"

_PIECES: Mapping[str, str] = {
    "API": "api",
    "Lambda": "lambda",
    "Step Functions": "step_functions",
    "DynamoDB": "dynamodb",
    "S3 PUT class": "s3_put",
    "S3 GET": "s3_get",
    "KMS": "kms",
    "storage": "storage",
    "download": "download",
}


def estimate_document(estimate: Estimate) -> dict[str, Any]:
    """Return the document of one estimate. Dollars are rounded to millionths of one."""
    costs = {_PIECES[name]: round(dollars, 6) for name, dollars in estimate.costs.items()}
    return {
        "jsonapi": {"version": "1.1"},
        "data": {
            "type": RESOURCE_TYPE,
            "id": estimate.id,
            "attributes": {
                "parts_size": estimate.options.parts_size,
                "max_age": estimate.options.max_age,
                "with_doctypes": list(estimate.options.with_doctypes),
                "without_files": estimate.options.without_files,
                "format": estimate.options.format,
                "layout": estimate.options.layout,
                "start_date": day_text(estimate.options.start_date),
                "end_date": day_text(estimate.options.end_date),
                "time_zone": estimate.options.time_zone,
                "exact": estimate.exact,
                **_amount(estimate.amount),
                "parts": estimate.plan.parts,
                "total_size": estimate.plan.total_size,
                "seconds": round(estimate.forecast.seconds, 1),
                "cost": {
                    "currency": "USD",
                    "prices": "us-east-1",
                    "total": round(sum(costs.values()), 6),
                    "pieces": costs,
                },
                "limits": [{"code": limit.code, "detail": limit.detail} for limit in estimate.limits],
                "doctypes": {
                    name: {"exact": name in estimate.counted, **_amount(amount)}
                    for name, amount in estimate.amounts.items()
                },
            },
        },
    }


def _amount(amount: Amount) -> dict[str, int]:
    return {
        "records": amount.records,
        "files": amount.files,
        "record_bytes": amount.record_bytes,
        "file_bytes": amount.file_bytes,
        "bytes": amount.bytes,
    }
