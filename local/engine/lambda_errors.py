"""Patch 1: a failed function reports its exception's name, so that Retry and Catch by name work as on AWS.

The stock engine answers ``Runtime.HandlerError`` for every exception. Also, a worker process that dies in the middle
of an invocation is reported as ``Runtime.ExitError``, as Lambda does.
"""

import threading
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.engine.guard import check_parameters, check_source, check_text

_HIDES_NAME = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_TELLS_NAME = '{"status": "error", "error": str(e), "error_type": type(e).__name__, "trace": traceback.format_exc()}'
_STOCK_NAME = "Runtime.HandlerError"
_DIED = "Worker process died"

_last = threading.local()


def apply() -> None:
    """Patch the worker script, the worker's invocation and the function's result."""
    check_text(lambda_runtime._PYTHON_WORKER_SCRIPT, _HIDES_NAME, what="Python worker script")
    check_source(lambda_svc._execute_function_warm, "62b9218bef5b948a")
    check_parameters(
        lambda_runtime.Worker.invoke,
        "self", "event", "request_id", "trace_id", "depth", "durable", "invoked_function_arn",
    )  # fmt: skip
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(_HIDES_NAME, _TELLS_NAME)
    _patch_invoke()
    _patch_execute()


def _patch_invoke() -> None:
    stock = lambda_runtime.Worker.invoke

    def invoke(self: Any, event: Any, request_id: str, **context: Any) -> dict[str, Any]:
        _last.response = None
        response: dict[str, Any] = stock(self, event, request_id, **context)
        _last.response = response
        return response

    lambda_runtime.Worker.invoke = invoke


def _patch_execute() -> None:
    stock = lambda_svc._execute_function_warm

    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        _last.response = None
        result: dict[str, Any] = stock(func, event, request_id)
        body, response = result.get("body"), _last.response
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == _STOCK_NAME and response:
            body.update(_error_body(response, request_id))
        return result

    lambda_svc._execute_function_warm = execute


def _error_body(response: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Return what Lambda puts into the payload of a failed invocation."""
    if response.get("error_type"):
        return {
            "errorType": response["error_type"],
            "requestId": request_id,
            "stackTrace": response.get("trace", "").splitlines(keepends=True)[1:-1],
        }
    if response.get("error") == _DIED:
        sentence = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
        return {"errorType": "Runtime.ExitError", "errorMessage": sentence}
    return {}
