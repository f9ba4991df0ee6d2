"""One state machine on Step Functions, whose executions are known by their names."""

from collections.abc import Mapping

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.domain.errors import StorageUnavailable
from waybill.domain.job import ExecutionState

_RUNNING = frozenset({"RUNNING", "PENDING_REDRIVE"})


class _Execution(msgspec.Struct):
    status: str = ""


class StateMachine:
    """A state machine of type Standard. ``title`` is what sentences call it. Every method raises StorageUnavailable.

    Step Functions keeps a name for 90 days, so starting twice is starting once, and an execution's ARN is known without
    being stored.
    """

    def __init__(self, client: AwsJsonClient, arn: str, title: str) -> None:
        self._client = client
        self._arn = arn
        self._title = title

    def start(self, name: str, facts: Mapping[str, object]) -> None:
        """Start the execution of this name with ``facts`` as its input; a second start does nothing."""
        payload = {"stateMachineArn": self._arn, "name": name, "input": msgspec.json.encode(facts).decode()}
        self._call("StartExecution", payload, fine=("ExecutionAlreadyExists",))

    def stop(self, name: str, cause: str) -> None:
        """Stop the execution of this name if it runs."""
        payload = {"executionArn": self._execution(name), "error": "Deleted", "cause": cause}
        self._call("StopExecution", payload, fine=("ExecutionDoesNotExist", "ValidationException"))

    def state(self, name: str) -> ExecutionState:
        """Return what has become of the execution of this name."""
        payload = {"executionArn": self._execution(name)}
        answer = self._call("DescribeExecution", payload, fine=("ExecutionDoesNotExist",))
        if answer is None:
            return ExecutionState.MISSING
        try:
            status = msgspec.json.decode(answer, type=_Execution).status
        except msgspec.DecodeError as error:
            raise StorageUnavailable("Step Functions gave an answer that is none.") from error
        return ExecutionState.RUNNING if status in _RUNNING else ExecutionState.ENDED

    def _execution(self, name: str) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"

    def _call(self, operation: str, payload: dict[str, str], *, fine: tuple[str, ...]) -> bytes | None:
        """Return the answer, None if it is one of the refusals that are ``fine``."""
        try:
            return self._client.call(operation, payload)
        except AwsError as error:
            if error.kind in fine:
                return None
            raise StorageUnavailable(
                f"The {self._title} cannot be used: Step Functions refused {operation} ({error.kind})."
            ) from error
