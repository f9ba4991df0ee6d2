"""Builds and deploys the unchanged template with SAM CLI, as one would on AWS, to a running engine."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local import venvs
from local.aws import Aws
from local.engine_process import Engine, tail
from local.errors import LocalError
from local.paths import BUILD, LOGS, ROOT, STATE

STACK_NAME = "waybill"
_ARTIFACTS_BUCKET = "waybill-artifacts"
_PARAMETERS = (
    "AccessTokenHours=24",
    "LogRetentionDays=1",
    "MaxRunningExports=8",
    "MaxExportsPerDay=500",
    "EventSources=shop.example",
    "WebhookAllowPrivate=true",  # receivers of the tests listen on this machine
    "MinScheduleMinutes=1",
)
_NO_CONFIG = "embedded"  # an environment that samconfig.toml does not have: it is for deployments to AWS


def validate() -> None:
    """Lint the template. Raises LocalError with what is wrong."""
    _sam("validate", "--lint", "--template-file", str(ROOT / "template.yaml"), environment={})


def build() -> None:
    """Build the template's layers and functions for the interpreter that runs them on this machine."""
    python = venvs.lambda_python()
    _sam(
        "build",
        "--template-file", str(ROOT / "template.yaml"),
        "--build-dir", str(BUILD),
        "--cache-dir", str(STATE / "build-cache"),
        "--cached",
        "--parallel",
        environment={"WAYBILL_LAYER_PYTHON": str(python), "WAYBILL_LAYER_PLATFORM": "host"},
    )  # fmt: skip


def deploy(engine: Engine, *parameters: str) -> dict[str, str]:
    """Deploy what was built to ``engine``, with further ``parameters``, and return the stack's outputs."""
    Aws(engine.endpoint_url).s3.create_bucket(Bucket=_ARTIFACTS_BUCKET)
    _sam(
        "deploy",
        "--template-file", str(BUILD / "template.yaml"),
        "--stack-name", STACK_NAME,
        "--s3-bucket", _ARTIFACTS_BUCKET,
        "--capabilities", "CAPABILITY_IAM",
        "--parameter-overrides", *_PARAMETERS, *parameters, f"LinkAddress={engine.link_api_url}",
        "--no-confirm-changeset",
        "--no-progressbar",
        "--no-fail-on-empty-changeset",
        "--config-env", _NO_CONFIG,
        environment=engine.client_environment,
    )  # fmt: skip
    return outputs(engine)


def outputs(engine: Engine) -> dict[str, str]:
    """Return the outputs of the stack that is deployed to ``engine``."""
    stack = Aws(engine.endpoint_url).cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _sam(command: str, *arguments: str, environment: Mapping[str, str]) -> None:
    """Run a SAM CLI command into a log of its own. Raises LocalError with the log's end if it fails."""
    directory = venvs.sam_bin()
    log = LOGS / f"sam-{command}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    with log.open("wb") as output:
        done = subprocess.run(
            [str(directory / "sam"), command, *arguments],
            cwd=ROOT,
            env=inherited | _settings(directory) | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise LocalError(f"sam {command} failed. The end of {log}:\n{tail(log, 30)}")


def _settings(directory: Path) -> dict[str, str]:
    return {
        "PATH": f"{directory}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_CHECK_SDK_UPDATE": "0",
        "__SAM_CLI_APP_DIR": str(STATE / "sam-cli"),
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONUTF8": "1",
    }
