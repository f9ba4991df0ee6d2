"""The export's state machine on Step Functions."""

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.state_machine import StateMachine
from waybill.domain.job import ExecutionState, ExportJob


class StepFunctionsWorkflow:
    """Workflow on one state machine. An execution is named as its export, and the attempt behind the first."""

    def __init__(self, client: AwsJsonClient, state_machine_arn: str) -> None:
        self._machine = StateMachine(client, state_machine_arn, "export workflow")

    def start(self, job: ExportJob) -> None:
        """Start the latest attempt's execution; a second start does nothing. Raises StorageUnavailable."""
        self._machine.start(job.execution, {"tenant": job.tenant, "export_id": job.id, "attempt": job.attempt})

    def stop(self, job: ExportJob) -> None:
        """Stop the latest attempt's execution if it runs. Raises StorageUnavailable."""
        self._machine.stop(job.execution, "The export was deleted.")

    def state(self, job: ExportJob) -> ExecutionState:
        """Return what has become of the latest attempt's execution. Raises StorageUnavailable."""
        return self._machine.state(job.execution)
