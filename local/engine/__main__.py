"""Starts the embedded AWS in the foreground: ``python -m local.engine --port … --api-port … --link-port …``.

Runs on the interpreter of ``.local/venv-aws``; ``local.engine_process`` starts it and sets its environment. With
``--stock`` nothing is patched, which tests use to see that each patch is still needed.
"""

import argparse
import asyncio
import resource
import sys
from pathlib import Path

from local.engine.guard import ChangedEngineError

HOST = "127.0.0.1"


def main() -> None:
    """Patch the engine and serve it until it is told to stop."""
    arguments = _arguments()
    if not arguments.stock:
        from local.engine.patches import apply_all  # noqa: PLC0415 - so that the stock engine stays untouched

        try:
            apply_all(arguments.lambda_python)
        except ChangedEngineError as error:
            sys.exit(f"The embedded AWS was not started. {error}")
    from hypercorn.asyncio import serve  # noqa: PLC0415 - the engine comes after its patches
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack.app import app  # noqa: PLC0415

    from local.engine.api_address import ApiAddress  # noqa: PLC0415

    _allow_many_connections()
    config = Config()
    config.bind = [f"{HOST}:{port}" for port in (arguments.port, arguments.api_port, arguments.link_port)]
    config.keep_alive_timeout = 75
    asyncio.run(serve(ApiAddress(app, api_port=arguments.api_port, link_port=arguments.link_port), config))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where all of AWS answers")
    parser.add_argument("--api-port", type=int, required=True, help="where the deployed HTTP API answers at the root")
    parser.add_argument("--link-port", type=int, required=True, help="where its link API answers at the root")
    parser.add_argument("--lambda-python", type=Path, required=True, help="the interpreter that runs the functions")
    parser.add_argument("--stock", action="store_true", help="do not patch")
    return parser.parse_args()


def _allow_many_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
