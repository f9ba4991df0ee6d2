"""The one error that ends a local command with a sentence instead of a stack trace."""

import sys
from collections.abc import Callable


class LocalError(Exception):
    """Something that a person at this machine can act on; the message says what and where to look."""


def run(command: Callable[[], None]) -> None:
    """Run a command; end the process with the sentence of a LocalError, or quietly when interrupted."""
    try:
        command()
    except LocalError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
