"""What the template gives every function and a measured one must have as well."""

import re

from local.paths import ROOT

_ALLOCATOR = re.compile(r'^ +(MALLOC_\w+): "?(\w+)"?$', re.MULTILINE)


def allocator_settings() -> dict[str, str]:
    """Return the environment variables by which the template tunes the C library's allocator."""
    return dict(_ALLOCATOR.findall((ROOT / "template.yaml").read_text(encoding="utf-8")))
