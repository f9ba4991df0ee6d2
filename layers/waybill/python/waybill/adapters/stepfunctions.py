"""The export's state machine."""

from waybill.adapters.aws_json import AwsJsonClient


class StepFunctionsWorkflow:
    """Workflow on one state machine of type Standard."""

    def __init__(self, client: AwsJsonClient, state_machine_arn: str) -> None: ...
