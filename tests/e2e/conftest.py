"""The deployed stack, brought up once, and users of it."""

import itertools
from collections.abc import Callable, Iterable, Iterator

import pytest
from local import checks, deployment, users
from local.aws import Aws
from local.demo_data.load import Loader
from local.demo_data.record import Record, StoredFile
from local.engine_process import Engine
from local.exports_api import ExportsApi
from local.lock import exclusive
from local.paths import LOGS
from local.stack_file import Stack
from local.up import bring_up, take_down
from tests.e2e.support import Tenant, Unpacked


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The stack that `make up` left running, brought up to date, or one of our own that is stopped at the end."""
    running, started_here = bring_up()
    yield running
    if started_here:
        with exclusive():
            take_down()


@pytest.fixture(scope="session")
def aws(stack: Stack) -> Aws:
    """The stack's AWS, as its administrator."""
    return Aws(stack.endpoint_url)


@pytest.fixture(scope="session")
def outputs(stack: Stack) -> dict[str, str]:
    """The outputs of the deployed template."""
    return deployment.outputs(Engine(stack.endpoint_url, stack.api_url, stack.link_api_url, LOGS))


@pytest.fixture(scope="session")
def owner(stack: Stack) -> Tenant:
    """The demo user with the large cloud."""
    return _tenant(stack, stack.users["owner"])


@pytest.fixture(scope="session")
def stranger(stack: Stack) -> Tenant:
    """The demo user with the small cloud."""
    return _tenant(stack, stack.users["stranger"])


@pytest.fixture(scope="session")
def new_tenant(stack: Stack, outputs: dict[str, str]) -> Callable[..., Tenant]:
    """Make a tenant of its own for a test, with the records and files given."""
    numbers = itertools.count(1)
    loader = Loader(
        stack.endpoint_url,
        documents_table=stack.resources["documents_table"],
        files_bucket=stack.resources["files_bucket"],
    )

    def make(name: str, records: Iterable[Record] = (), files: Iterable[StoredFile] = ()) -> Tenant:
        unique = f"{name}-{next(numbers)}"
        pool, client = outputs["UserPoolId"], outputs["UserPoolClientId"]
        user = users.sign_in_all(stack.endpoint_url, pool, client, [unique])[0]
        loader.put(user.tenant, records, files)
        return _tenant(stack, user)

    return make


@pytest.fixture(scope="session")
def fetch(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Unpacked]:
    """Wait for an export, download and unpack it, and check it against its manifest."""

    def take(tenant: Tenant, export_id: str) -> Unpacked:
        export = tenant.api.finished(export_id, seconds=180)
        assert export["attributes"]["state"] == "done", export["attributes"]["error"]
        manifest = tenant.api.manifest(export_id)
        folder = tmp_path_factory.mktemp("export")
        parts = {}
        for part in manifest["parts"]:
            parts[part["cursor"]] = folder / part["name"]
            tenant.api.download(export_id, part["cursor"], parts[part["cursor"]])
        bags = folder / "bags"
        bags.mkdir()
        findings = checks.check(manifest, parts, bags)
        return Unpacked(export, manifest, list(parts.values()), findings.bags, findings.faults)

    return take


@pytest.fixture(scope="session")
def owner_export(owner: Tenant, fetch: Callable[..., Unpacked]) -> Unpacked:
    """One whole export of the owner, for the tests that only look at it."""
    return fetch(owner, owner.api.create()["id"])


def _tenant(stack: Stack, user: users.User) -> Tenant:
    return Tenant(user.tenant, ExportsApi(stack.api_url, user.token))
