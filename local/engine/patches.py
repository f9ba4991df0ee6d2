"""All patches of the engine, in the order in which they have to be applied."""

from pathlib import Path

from local.engine.guard import check_version

TTL_PERIOD = 2.0
"""Seconds between two sweeps of expired items."""


def apply_all(lambda_python: Path) -> None:
    """Close the engine's gaps; raise ChangedEngineError if it is not the engine that the patches were written for."""
    check_version()
    # These two replace what other modules of the engine take when they are imported.
    from local.engine import transport, ttl_sweep  # noqa: PLC0415

    transport.apply()
    ttl_sweep.apply(TTL_PERIOD)
    from local.engine import http_api_body, lambda_errors, lambda_runtime, multipart_rules, schedule_firing  # noqa: PLC0415

    lambda_errors.apply()
    http_api_body.apply()
    multipart_rules.apply()
    schedule_firing.apply()
    lambda_runtime.apply(lambda_python)
