"""The export's state machine on Step Functions."""

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.domain.errors import StorageUnavailable
from waybill.domain.job import ExportJob


class StepFunctionsWorkflow:
    """Workflow on one state machine of type Standard.

    An execution is named as its export. Step Functions keeps a name for 90 days, so starting twice is starting once,
    and the execution's ARN is known without being stored.
    """

    def __init__(self, client: AwsJsonClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, job: ExportJob) -> None:
        """Start the export's execution; a second start does nothing. Raises StorageUnavailable."""
        state_input = msgspec.json.encode({"tenant": job.tenant, "export_id": job.id}).decode()
        payload = {"stateMachineArn": self._arn, "name": job.id, "input": state_input}
        self._call("StartExecution", payload, fine=("ExecutionAlreadyExists",))

    def stop(self, job: ExportJob) -> None:
        """Stop the export's execution if it runs. Raises StorageUnavailable."""
        execution = f"{self._arn.replace(':stateMachine:', ':execution:')}:{job.id}"
        payload = {"executionArn": execution, "error": "Deleted", "cause": "The export was deleted."}
        self._call("StopExecution", payload, fine=("ExecutionDoesNotExist", "ValidationException"))

    def _call(self, operation: str, payload: dict[str, str], *, fine: tuple[str, ...]) -> None:
        try:
            self._client.call(operation, payload)
        except AwsError as error:
            if error.kind not in fine:
                raise StorageUnavailable(
                    f"The export workflow cannot be used: Step Functions refused {operation} ({error.kind})."
                ) from error
