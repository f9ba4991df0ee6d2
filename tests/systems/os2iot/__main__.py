"""``python -m tests.systems.os2iot --port 3000``."""

from tests.systems.os2iot.backend import Backend
from tests.systems.serving import run

if __name__ == "__main__":
    run(Backend(), "os2iot")
