"""``make up``: the whole stack on this machine, left running."""

import sys
import time

from local import deployment, engine_process, function_logs, sources, stack_file, systems, users
from local.demo_data.load import Loader
from local.engine_process import Engine
from local.errors import run
from local.lock import exclusive
from local.paths import LOGS, STACK_FILE, SYSTEM
from local.stack_file import Stack

_LEAST_TOKEN_SECONDS = 3600


def bring_up() -> tuple[Stack, bool]:
    """Bring the stack up, unless it is; return it and whether it was started here.

    A running stack that was made from other sources is brought up to date. If the start fails, what was started is
    stopped again and LocalError says why.
    """
    with exclusive():
        stack, wanted = running(), sources.now()
        if stack is None:
            return _start(wanted), True
        if sources.noted().get("engine") != wanted["engine"]:
            _say("The stack runs, but local/ has changed since: starting it anew")
            take_down()
            return _start(wanted), True
        return _refresh(stack, wanted), False


def running() -> Stack | None:
    """Return this checkout's stack if it runs."""
    stack = stack_file.read()
    return stack if stack is not None and engine_process.answers(stack.endpoint_url) else None


def take_down() -> bool:
    """Stop everything of this checkout, keeping its logs; return whether anything ran. Safe to repeat."""
    stack = running()
    if stack is not None:
        function_logs.save(stack.endpoint_url)
    ran = engine_process.stop() | systems.stop()
    STACK_FILE.unlink(missing_ok=True)
    return ran


def _start(wanted: dict[str, str]) -> Stack:
    began = time.monotonic()
    take_down()
    try:
        _say("Starting the embedded AWS (ministack, with IAM enforced)")
        engine = engine_process.start()
        outputs = _deploy(engine)
        _say("Signing in the demo users")
        signed_in = _sign_in(engine, outputs)
        if not SYSTEM:
            _load(engine, outputs, signed_in)
        stack = stack_file.write(engine, outputs, signed_in)
        sources.note(wanted)
    except BaseException:
        take_down()
        raise
    _say(f"Up after {time.monotonic() - began:.0f} s")
    return stack


def _refresh(stack: Stack, wanted: dict[str, str]) -> Stack:
    """Deploy again if the sources have changed, and sign in again if the tokens are about to end."""
    engine = Engine(stack.endpoint_url, stack.api_url, stack.link_api_url, LOGS / "engine.log")
    is_old = sources.noted().get("deployment") != wanted["deployment"]
    is_ending = any(user.expires_at < time.time() + _LEAST_TOKEN_SECONDS for user in stack.users.values())
    if not is_old and not is_ending:
        return stack
    outputs = _deploy(engine) if is_old else deployment.outputs(engine)
    signed_in = _sign_in(engine, outputs) if is_ending else list(stack.users.values())
    sources.note(wanted)
    return stack_file.write(engine, outputs, signed_in)


def _load(engine: Engine, outputs: dict[str, str], signed_in: list[users.User]) -> None:
    _say("Loading the demo data")
    loader = Loader(
        engine.endpoint_url,
        documents_table=outputs["DocumentsTableName"],
        files_bucket=outputs["FilesBucketName"],
    )
    for user in signed_in:
        done = loader.load(user.name, user.tenant)
        print(f"  {user.name}: {done.records:,} records, {done.files:,} files, {done.bytes / 1e6:,.1f} MB")


def _deploy(engine: Engine) -> dict[str, str]:
    _say("Building the template (sam build)")
    deployment.build()
    parameters = _put_system(engine) if SYSTEM else ()
    _say("Deploying it (sam deploy)")
    return deployment.deploy(engine, *parameters)


def _put_system(engine: Engine) -> tuple[str, ...]:
    """Start the system's stand-in anew and let the deployment read it; return the parameters for that."""
    _say(f"Starting the stand-in of {SYSTEM}")
    systems.stop()
    url = systems.start(SYSTEM)
    secret = systems.put_secret(SYSTEM, url, engine.endpoint_url)
    systems.put_catalog(SYSTEM, url, secret)
    return (*systems.PARAMETERS, f"SourceSecretArns={secret}")


def _sign_in(engine: Engine, outputs: dict[str, str]) -> list[users.User]:
    return users.sign_in_all(engine.endpoint_url, outputs["UserPoolId"], outputs["UserPoolClientId"])


def _say(sentence: str) -> None:
    print(f"{sentence} …" if not sentence.startswith("Up") else sentence, flush=True)


def _main() -> None:
    stack, is_new = bring_up()
    if not is_new:
        print("The stack is up already.")
    python = sys.executable
    print(
        f"""
The API answers at {stack.api_url}, capability links at {stack.link_api_url}

  TOKEN=$({python} -m local.show_token owner)
  curl -X POST {stack.api_url}/move/exports -H "Authorization: Bearer $TOKEN" \\
       -H 'Content-Type: application/vnd.api+json' -d '{{"data":{{"type":"io.cozy.exports","attributes":{{}}}}}}'
  curl {stack.api_url}/move/exports -H "Authorization: Bearer $TOKEN"

The user `stranger` has other data. Programs attach by {STACK_FILE}. `make down` stops it all."""
    )


if __name__ == "__main__":
    run(_main)
