"""AWS clients that talk to one engine, with its credentials, whatever the caller's environment says."""

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.engine_process import ACCESS_KEY, REGION

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient


class Aws:
    """The clients that the local commands and tests need, made on first use by callers and cheap to make again."""

    def __init__(self, endpoint_url: str, access_key: str = ACCESS_KEY, secret_key: str = ACCESS_KEY) -> None:
        self._endpoint_url = endpoint_url
        self._session = boto3.Session(access_key, secret_key, region_name=REGION)
        self._config = Config(
            retries={"total_max_attempts": 2}, max_pool_connections=32, s3={"addressing_style": "path"}
        )

    @property
    def cloudformation(self) -> "CloudFormationClient":
        """CloudFormation."""
        return self._session.client("cloudformation", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def cognito(self) -> "CognitoIdentityProviderClient":
        """Cognito's user pools."""
        return self._session.client("cognito-idp", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB."""
        return self._session.client("dynamodb", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def events(self) -> Any:
        """EventBridge."""
        return self._session.client("events", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def functions(self) -> "LambdaClient":
        """Lambda."""
        return self._session.client("lambda", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def iam(self) -> Any:
        """IAM."""
        return self._session.client("iam", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def logs(self) -> Any:
        """CloudWatch Logs."""
        return self._session.client("logs", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def s3(self) -> "S3Client":
        """S3."""
        return self._session.client("s3", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def scheduler(self) -> Any:
        """EventBridge Scheduler."""
        return self._session.client("scheduler", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def secrets(self) -> Any:
        """Secrets Manager."""
        return self._session.client("secretsmanager", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def sqs(self) -> Any:
        """SQS."""
        return self._session.client("sqs", endpoint_url=self._endpoint_url, config=self._config)

    @property
    def stepfunctions(self) -> "SFNClient":
        """Step Functions."""
        return self._session.client("stepfunctions", endpoint_url=self._endpoint_url, config=self._config)
