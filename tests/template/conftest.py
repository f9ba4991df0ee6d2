"""The template and the state machine as the cloud gets them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

REPOSITORY = Path(__file__).parents[2]
SUBSTITUTION = re.compile(r"\$\{(\w+)\}")


class _NoManagedPolicies:
    """The translator asks for AWS's managed policies by name; offline it gets their usual addresses."""

    def load(self) -> dict[str, str]:
        names = ("AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess")
        return {name: f"arn:aws:iam::aws:policy/{name}" for name in names}


@pytest.fixture(scope="session")
def source() -> dict[str, Any]:
    """template.yaml as it is written."""
    return dict(yaml_parse((REPOSITORY / "template.yaml").read_text()))


@pytest.fixture(scope="session")
def resources() -> dict[str, Any]:
    """The resources that CloudFormation gets, after the SAM transform."""
    template = yaml_parse((REPOSITORY / "template.yaml").read_text())
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if isinstance(properties.get(name), str):
                properties[name] = f"s3://built/{properties[name]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        return dict(transform(template, {}, _NoManagedPolicies())["Resources"])


@pytest.fixture(scope="session")
def definition_text() -> str:
    """The state machine as it is written, with its substitutions open."""
    return (REPOSITORY / "functions" / "export_workflow" / "definition.asl.json").read_text()


@pytest.fixture(scope="session")
def definition(definition_text: str) -> dict[str, Any]:
    """The state machine with every substitution filled in."""
    values = {"Partition": "aws", "ArchivesBucket": "archives"}

    def fill(match: re.Match[str]) -> str:
        return values.get(match[1], f"arn:aws:lambda:eu-west-1:123456789012:function:{match[1]}")

    return dict(json.loads(SUBSTITUTION.sub(fill, definition_text)))


def dump(template: object) -> str:
    """A template as YAML text."""
    return yaml.safe_dump(template)
