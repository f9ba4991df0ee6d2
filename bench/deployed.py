"""What the template gives every function and a measured one must have as well."""

import functools
from typing import Any

from local.paths import ROOT
from samtranslator.yaml_helper import yaml_parse

VCPU_MIB = 1769
"""With so much memory a function has one processor; with less it has that share of one (AWS, "Lambda quotas")."""


def allocator_settings() -> dict[str, str]:
    """Return the environment variables by which the template tunes the C library's allocator."""
    variables = _template()["Globals"]["Function"]["Environment"]["Variables"]
    return {name: str(value) for name, value in variables.items() if name.startswith("MALLOC_")}


def memory_mib(function: str) -> int:
    """Return the memory of the function with this folder."""
    template = _template()
    (properties,) = (
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        and resource["Properties"]["CodeUri"] == f"functions/{function}/"
    )
    return int(properties.get("MemorySize", template["Globals"]["Function"]["MemorySize"]))


@functools.cache
def _template() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    return parsed
