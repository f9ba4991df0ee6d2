"""The command line.

- ``python -m client verify PATH…``: check an export with the same program that lies in it.
- ``python -m client merge PATH… --into DIR``: put the exports of an incremental schedule together again.
- ``python -m client api-key …``: manage API keys, for operators.
- ``python -m client os2iot-import FILE …``: make the devices of an export in an application of OS2iot.
"""

import runpy
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "layers/waybill/python"
VERIFY = PACKAGE / "waybill/archive/verify.py"


def main(arguments: list[str]) -> int:
    """Run the command that is named first; return its exit code."""
    match arguments[:1]:
        case ["verify"]:
            return int(runpy.run_path(str(VERIFY))["main"](arguments[1:]))
        case ["merge"]:
            from client.merge import main as merge  # noqa: PLC0415 - checking an export needs none of it

            return merge(arguments[1:])
        case ["api-key"]:
            sys.path.insert(0, str(PACKAGE))
            from client import api_keys  # noqa: PLC0415 - it needs the package that the line above makes known

            return api_keys.main(arguments[1:])
        case ["os2iot-import"]:
            sys.path.insert(0, str(PACKAGE))
            from client import os2iot_import  # noqa: PLC0415 - as above

            return os2iot_import.main(arguments[1:])
    print("Usage: python -m client verify PATH [PATH ...]", file=sys.stderr)
    print("       python -m client merge PATH [PATH ...] --into DIR", file=sys.stderr)
    print("       python -m client api-key --help", file=sys.stderr)
    print("       python -m client os2iot-import --help", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
