"""Logs and metrics, through Powertools. Logs hold ids and outcomes, never records, tenants, tokens or links."""

import functools

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit


@functools.cache
def logger() -> Logger:
    """Return the structured logger of this function."""
    return Logger(use_rfc3339=True)


def place_of(error: Exception) -> str:
    """Return where an unforeseen error arose, file and line, without its text, which may hold personal data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "unknown"


class EmfMetrics:
    """The port Metrics in CloudWatch's Embedded Metric Format (EMF): written to the log, counted by CloudWatch."""

    def __init__(self) -> None:
        self._metrics = Metrics()

    def count(self, name: str, value: float, unit: str = "Count") -> None:
        """Add a value to the metric ``name``."""
        self._metrics.add_metric(name=name, unit=MetricUnit(unit), value=value)

    def flush(self) -> None:
        """Write what was counted since the last flush. Called at the end of every invocation."""
        if self._metrics.metric_set:
            self._metrics.flush_metrics()
