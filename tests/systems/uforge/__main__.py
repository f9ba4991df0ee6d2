"""``python -m tests.systems.uforge --port 3000``: a user with some objects, one of which cannot be exported."""

from tests.systems.serving import run
from tests.systems.uforge.server import UForge
from tests.systems.uforge.signin import Account

if __name__ == "__main__":
    failing = f"users/{Account.login}/appliances/17"
    run(UForge(appliances=12, bundles=5, archive_size=400_000, polls=3, fates={failing: "error"}), "uforge")
