"""What AWS charges in us-east-1, in US dollars, without free tiers. Each price with its source and date.

Left out: logs, traces, alarms, tokens, and what stands still (a KMS key, tables).
"""

from dataclasses import dataclass

API_REQUEST = 1.00e-6
"""One request to an HTTP API of up to 512 KB (awsforengineers.com, 2025-05-19)."""

LAMBDA_REQUEST = 0.20e-6
"""One invocation (wring.co, 2026-03-08)."""

LAMBDA_GB_SECOND = 1.33334e-5
"""One gibibyte of memory for a second on arm64, start of the environment included (wring.co, 2026-03-08)."""

STATE_TRANSITION = 2.5e-5
"""One state entered in a Standard workflow (aws.amazon.com/step-functions/pricing, 2026-04-13)."""

DYNAMODB_WRITE_UNIT = 0.625e-6
"""One write of up to 1 KB, on demand (airbyte.com, 2025-07-21)."""

DYNAMODB_READ_UNIT = 0.125e-6
"""One strongly consistent read of up to 4 KB, on demand; eventually consistent half (airbyte.com, 2025-07-21)."""

S3_PUT = 5.0e-6
"""One request of the class PUT, COPY, POST, LIST (README of awslabs/amazon-s3-tar-tool, 2025-03-13)."""

S3_GET = 0.4e-6
"""One GET or HEAD (README of awslabs/amazon-s3-tar-tool, 2025-03-13). DELETE costs nothing."""

KMS_SIGN = 1.5e-5
"""One signature by an elliptic curve key (factualminds.com, 2026-06-13)."""

EGRESS_GB = 0.09
"""10⁹ bytes to the internet (awsforengineers.com, 2025-05-19)."""

STORAGE_GB_MONTH = 0.023
"""10⁹ bytes in S3 Standard for 30 days (gist of EverettBerry, 2022-07)."""


@dataclass(frozen=True, slots=True)
class LambdaTime:
    """Invocations and what they are billed for: seconds times gibibytes of memory."""

    invocations: int = 0
    gb_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What one export used, by what AWS charges for. ``s3_puts`` has listings among them."""

    api_requests: int
    functions: LambdaTime
    transitions: int
    read_units: float
    write_units: float
    s3_puts: int
    s3_gets: int
    signatures: int = 0

    def costs(self) -> dict[str, float]:
        """Return the dollars by service."""
        return {
            "API": self.api_requests * API_REQUEST,
            "Lambda": self.functions.invocations * LAMBDA_REQUEST + self.functions.gb_seconds * LAMBDA_GB_SECOND,
            "Step Functions": self.transitions * STATE_TRANSITION,
            "DynamoDB": self.read_units * DYNAMODB_READ_UNIT + self.write_units * DYNAMODB_WRITE_UNIT,
            "S3 PUT class": self.s3_puts * S3_PUT,
            "S3 GET": self.s3_gets * S3_GET,
            "KMS": self.signatures * KMS_SIGN,
        }

    @property
    def total(self) -> float:
        """The dollars altogether."""
        return sum(self.costs().values())
