"""The system's clock."""

from datetime import UTC, datetime


def system_clock() -> datetime:
    """Return the present moment, aware, in UTC (port Clock)."""
    return datetime.now(UTC)
