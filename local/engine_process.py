"""The embedded AWS as a background process of this checkout."""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from local import processes, venvs
from local.errors import LocalError
from local.paths import HOME, ROOT, STATE

REGION = "us-east-1"
ACCESS_KEY = "test"  # the engine's account root, whatever the secret
_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine: where AWS answers, where the deployed API and its link API answer, and what it writes."""

    endpoint_url: str
    api_url: str
    link_api_url: str
    log: Path

    @property
    def client_environment(self) -> dict[str, str]:
        """What AWS clients need in their environment to talk to this engine and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


def start(state: Path = STATE, *, stock: bool = False) -> Engine:
    """Start an engine whose files lie in ``state`` and wait until it answers.

    Raises LocalError with the end of its log if it does not.
    """
    python, lambda_python = venvs.engine_python(), venvs.lambda_python()
    temporary, log = state / "tmp", state / "logs" / "engine.log"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for attempt in range(1, _TRIES + 1):
        port, api_port, link_port = processes.free_ports(3)
        engine = Engine(_url(port), _url(api_port), _url(link_port), log)
        command = [str(python), "-m", "local.engine", "--port", str(port)]
        command += ["--api-port", str(api_port), "--link-port", str(link_port)]
        command += ["--lambda-python", str(lambda_python), *(["--stock"] if stock else [])]
        process = processes.start(command, cwd=ROOT, env=_environment(port, temporary), log=log, note=_note(state))
        if _wait(engine, process):
            return engine
        stop(state)
        port_was_taken = "Address already in use" in log.read_text(encoding="utf-8", errors="replace")
        if not port_was_taken or attempt == _TRIES:
            break
    raise LocalError(f"The embedded AWS did not start. The end of {log}:\n{tail(log)}")


def stop(state: Path = STATE) -> bool:
    """Stop the engine of ``state`` and all its workers; return whether it ran. Safe to repeat, also after a crash."""
    ran = processes.stop(_note(state), mark=str(HOME))
    shutil.rmtree(state / "tmp", ignore_errors=True)
    return ran


def answers(endpoint_url: str) -> bool:
    """Whether an engine answers at ``endpoint_url``."""
    try:
        with urllib.request.urlopen(f"{endpoint_url}/_ministack/health", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _url(port: int) -> str:
    return f"http://{_HOST}:{port}"


def _note(state: Path) -> Path:
    return state / "engine.json"


def _wait(engine: Engine, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if answers(engine.endpoint_url):
            return True
        time.sleep(0.1)
    return False


def _environment(port: int, temporary: Path) -> dict[str, str]:
    """Return the engine's whole environment; its workers inherit it, so nothing of the caller's may leak in."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": _HOST,
        "SFN_WAIT_SCALE": "0.1",  # what Step Functions waits between tries, so that a failure shows in seconds
        "MINISTACK_HOST": "localhost",
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        # The engine would adopt and remove containers of a Docker daemon that it finds.
        "DOCKER_HOST": f"unix://{temporary}/no-docker",
    }
