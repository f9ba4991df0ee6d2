"""The import's state machine on Step Functions."""

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.state_machine import StateMachine
from waybill.domain.import_job import ImportJob, ImportState
from waybill.domain.job import ExecutionState


class ImportExecutions:
    """ImportWorkflow on one state machine, which makes imports and undoes them.

    An execution is named ``job.execution``, so that every try to undo has its own. Its input holds which try to undo
    it is, ``undo``, 0 for the import itself.
    """

    def __init__(self, client: AwsJsonClient, state_machine_arn: str) -> None:
        self._machine = StateMachine(client, state_machine_arn, "import workflow")

    def start(self, job: ImportJob) -> None:
        """Start the import's execution; a second start does nothing. Raises StorageUnavailable."""
        undo = job.undos if job.state is ImportState.UNDOING else 0
        self._machine.start(job.execution, {"tenant": job.tenant, "import_id": job.id, "undo": undo})

    def stop(self, job: ImportJob) -> None:
        """Stop all executions of the import that run. Raises StorageUnavailable."""
        for name in job.executions:
            self._machine.stop(name, "The import was deleted.")

    def state(self, job: ImportJob) -> ExecutionState:
        """Return what has become of the import's execution. Raises StorageUnavailable."""
        return self._machine.state(job.execution)
