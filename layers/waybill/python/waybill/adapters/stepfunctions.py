"""The export's state machine on Step Functions."""

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.domain.errors import StorageUnavailable
from waybill.domain.job import ExecutionState, ExportJob

_RUNNING = frozenset({"RUNNING", "PENDING_REDRIVE"})


class _Execution(msgspec.Struct):
    status: str = ""


class StepFunctionsWorkflow:
    """Workflow on one state machine of type Standard.

    An execution is named as its export, and the attempt behind the first. Step Functions keeps a name for 90 days, so
    starting twice is starting once, and the execution's ARN is known without being stored.
    """

    def __init__(self, client: AwsJsonClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, job: ExportJob) -> None:
        """Start the latest attempt's execution; a second start does nothing. Raises StorageUnavailable."""
        facts = {"tenant": job.tenant, "export_id": job.id, "attempt": job.attempt}
        payload = {"stateMachineArn": self._arn, "name": job.execution, "input": msgspec.json.encode(facts).decode()}
        self._call("StartExecution", payload, fine=("ExecutionAlreadyExists",))

    def stop(self, job: ExportJob) -> None:
        """Stop the latest attempt's execution if it runs. Raises StorageUnavailable."""
        payload = {"executionArn": self._execution(job), "error": "Deleted", "cause": "The export was deleted."}
        self._call("StopExecution", payload, fine=("ExecutionDoesNotExist", "ValidationException"))

    def state(self, job: ExportJob) -> ExecutionState:
        """Return what has become of the latest attempt's execution. Raises StorageUnavailable."""
        payload = {"executionArn": self._execution(job)}
        answer = self._call("DescribeExecution", payload, fine=("ExecutionDoesNotExist",))
        if answer is None:
            return ExecutionState.MISSING
        try:
            status = msgspec.json.decode(answer, type=_Execution).status
        except msgspec.DecodeError as error:
            raise StorageUnavailable("Step Functions gave an answer that is none.") from error
        return ExecutionState.RUNNING if status in _RUNNING else ExecutionState.ENDED

    def _execution(self, job: ExportJob) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{job.execution}"

    def _call(self, operation: str, payload: dict[str, str], *, fine: tuple[str, ...]) -> bytes | None:
        """Return the answer, None if it is one of the refusals that are ``fine``."""
        try:
            return self._client.call(operation, payload)
        except AwsError as error:
            if error.kind in fine:
                return None
            raise StorageUnavailable(
                f"The export workflow cannot be used: Step Functions refused {operation} ({error.kind})."
            ) from error
