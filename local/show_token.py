"""Prints the access token of a demo user: ``python -m local.show_token owner``."""

import sys

from local.errors import LocalError, run
from local.up import running


def _main() -> None:
    stack = running()
    if stack is None:
        raise LocalError("The stack is not up. Run `make up`.")
    name = sys.argv[1] if len(sys.argv) > 1 else "owner"
    if name not in stack.users:
        raise LocalError(f"There is no demo user {name!r}. There are: {', '.join(stack.users)}.")
    print(stack.users[name].token)


if __name__ == "__main__":
    run(_main)
