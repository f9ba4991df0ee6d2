"""The command line.

- ``python -m client verify PATH…``: check an export with the same program that lies in it.
- ``python -m client merge PATH… --into DIR``: put the exports of an incremental schedule together again.
"""

import runpy
import sys
from pathlib import Path

VERIFY = Path(__file__).parents[1] / "layers/waybill/python/waybill/archive/verify.py"


def main(arguments: list[str]) -> int:
    """Run the command that is named first; return its exit code."""
    if arguments[:1] == ["merge"]:
        from client.merge import main as merge  # noqa: PLC0415 - checking an export needs none of it

        return merge(arguments[1:])
    if arguments[:1] != ["verify"]:
        print("Usage: python -m client verify PATH [PATH ...]", file=sys.stderr)
        print("       python -m client merge PATH [PATH ...] --into DIR", file=sys.stderr)
        return 2
    return int(runpy.run_path(str(VERIFY))["main"](arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
