"""Patch 4: expired items go within seconds, where the stock engine sweeps once a minute.

The stock sweeper is a thread that starts when its module is imported and loops around ``time.sleep(60)``. So the patch
stands before that import: ``time.sleep`` shortens that sleep in that thread, and no other.
"""

import sys
import threading
import time

from local.engine.guard import ChangedEngineError, check_source

_MODULE = "ministack.services.dynamodb"
_THREAD = "dynamodb-ttl-reaper"
_STOCK_PERIOD = 60


def apply(period: float) -> None:
    """Let the sweeper run every ``period`` seconds."""
    if _MODULE in sys.modules:
        raise ChangedEngineError("ministack imports its DynamoDB earlier than the patch of its TTL sweep expects.")
    stock_sleep = time.sleep

    def sleep(seconds: float, /) -> None:
        is_sweep = seconds == _STOCK_PERIOD and threading.current_thread().name == _THREAD
        stock_sleep(period if is_sweep else seconds)

    time.sleep = sleep  # type: ignore[assignment]
    from ministack.services import dynamodb  # noqa: PLC0415 - importing it starts the sweeper

    check_source(dynamodb._ttl_reaper, "66841bfd60279dd7")
    if _THREAD not in {thread.name for thread in threading.enumerate()}:
        raise ChangedEngineError("ministack's TTL sweep no longer runs in a thread of its own.")
