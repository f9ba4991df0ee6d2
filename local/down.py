"""``make down``: stops everything that ``make up`` started, also after a crash."""

from local.errors import run
from local.lock import exclusive
from local.up import take_down


def _main() -> None:
    with exclusive():
        print("Stopped." if take_down() else "Nothing was running.")


if __name__ == "__main__":
    run(_main)
