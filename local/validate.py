"""``sam validate --lint`` of the unchanged template, with the SAM CLI that also builds it."""

from local import deployment
from local.errors import run


def _main() -> None:
    deployment.validate()
    print("sam validate --lint: template.yaml is sound.")


if __name__ == "__main__":
    run(_main)
