"""A chain of five exports on the deployed stack, with edits and deletions in between, put together by the client."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from local import checks
from local.aws import Aws
from local.demo_data import cloud
from local.demo_data.load import Loader
from local.demo_data.record import Record, StoredFile
from local.engine_process import ACCESS_KEY, REGION
from local.paths import ROOT
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked
from tests.fakes import FakeMetrics

from waybill.adapters.clock import system_clock
from waybill.domain.options import ExportOptions
from waybill.domain.quota import QuotaLimits
from waybill.entry.bootstrap import Wiring
from waybill.entry.catalog_file import load_catalog
from waybill.entry.settings import read_settings
from waybill.services.chains import next_in_chain
from waybill.services.create_export import create_export

pytestmark = pytest.mark.e2e

SCHEDULE = "/move/schedules/chained"
QUOTA = QuotaLimits(running=10, per_day=1000)
CONTACTS = "io.cozy.contacts"


@dataclass
class Cloud:
    """What the tenant has now, and the means to change it."""

    tenant: str
    aws: Aws
    loader: Loader
    stack: Stack
    chain: str
    records: dict[tuple[str, str], Record]
    files: dict[str, StoredFile]

    def put(self, *records: Record, files: tuple[StoredFile, ...] = ()) -> None:
        """Create or change records and contents."""
        self.records |= {(record.doctype, record.id): record for record in records}
        self.files |= {file.id: file for file in files}
        self.loader.put(self.tenant, records, files)

    def delete(self, *records: Record) -> None:
        """Delete records, and the contents that belong to them."""
        for record in records:
            del self.records[record.doctype, record.id]
            self.aws.dynamodb.delete_item(
                TableName=self.stack.resources["documents_table"],
                Key={"pk": {"S": f"{self.tenant}#{record.doctype}"}, "sk": {"S": record.id}},
            )
            if self.files.pop(record.id, None) is not None:
                self.aws.s3.delete_object(Bucket=self.stack.resources["files_bucket"], Key=f"{self.tenant}/{record.id}")

    def of(self, doctype: str) -> list[Record]:
        """The records of a doctype."""
        return [record for record in self.records.values() if record.doctype == doctype]

    def left_for_the_next(self) -> set[str]:
        """The exports that have left something for the next one of the chain."""
        bucket = self.stack.resources["archives_bucket"]
        listed = self.aws.s3.list_objects_v2(Bucket=bucket, Prefix=f"chains/{self.chain}/")
        return {each["Key"].split("/")[2] for each in listed.get("Contents", [])}

    def file_records(self) -> list[Record]:
        """The records of files."""
        return [record for record in self.of("io.cozy.files") if record.body["type"] == "file"]


@pytest.fixture
def wiring(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    """What starts exports, as the deployed functions have it; here as the administrator."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, ACCESS_KEY)
    environment = {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "JOBS_TABLE": stack.resources["jobs_table"],
        "ARCHIVES_BUCKET": stack.resources["archives_bucket"],
        "EXPORT_WORKFLOW_ARN": stack.resources["export_workflow_arn"],
    }
    return Wiring(read_settings(environment), clock=system_clock, metrics=FakeMetrics())


@pytest.fixture
def somebody(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant("chained")


@pytest.fixture
def chain(somebody: Tenant, wiring: Wiring) -> Iterator[str]:
    """The key of the chain of a schedule that does not fire before the test is over."""
    attributes = {"expression": "rate(7 days)", "incremental": True}
    body = json.dumps({"data": {"attributes": attributes}})
    assert somebody.api.call("PUT", SCHEDULE, body=body).status == 201
    yield wiring.schedules.get(somebody.id, "chained").chain_key
    somebody.api.call("DELETE", SCHEDULE)


@pytest.fixture
def data(stack: Stack, aws: Aws, somebody: Tenant, chain: str) -> Cloud:
    """The tenant's cloud: that of the demo user with the small one."""
    resources = stack.resources
    loader = Loader(
        stack.endpoint_url, documents_table=resources["documents_table"], files_bucket=resources["files_bucket"]
    )
    made = Cloud(somebody.id, aws, loader, stack, chain, {}, {})
    items = list(cloud.library("stranger").items())
    files = tuple(item.file for item in items if item.file is not None)
    made.put(*cloud.records("stranger"), *(item.record for item in items), files=files)
    return made


@pytest.fixture
def start(stack: Stack, wiring: Wiring, somebody: Tenant, chain: str) -> Callable[..., str]:
    """Begin the next export of the chain, as a schedule does; return its id."""
    names = {"DOCUMENTS_TABLE": stack.resources["documents_table"], "FILES_BUCKET": stack.resources["files_bucket"]}
    catalog = load_catalog(ROOT / "layers" / "catalog", names)

    def begin(parts_size: int = 2**20) -> str:
        return create_export(
            somebody.id,
            ExportOptions(parts_size=parts_size),
            quota=QUOTA,
            catalog=catalog,
            jobs=wiring.jobs,
            workflow=wiring.workflow,
            clock=wiring.clock,
            metrics=wiring.metrics,
            chain=next_in_chain(somebody.id, chain, chains=wiring.chains),
        ).id

    return begin


@pytest.fixture
def next_export(somebody: Tenant, start: Callable[..., str], fetch: Callable[..., Unpacked]) -> Callable[[], Unpacked]:
    """Make the next export of the chain, and download it."""
    return lambda: fetch(somebody, start())


def edits(data: Cloud) -> Iterator[None]:
    """Change the data four times, and stop after each."""
    contacts, files = data.of(CONTACTS), data.file_records()
    first, second, third = contacts[:3]
    data.put(_with(first, fullname="Somebody Else"))
    data.delete(second, files[0])
    yield
    data.put(second, _with(third, note="changed"), files=(replace(data.files[files[1].id], content=b"another"),))
    yield
    (folder, *_) = (record for record in data.of("io.cozy.files") if record.body["type"] == "directory")
    data.put(_with(folder, path=f"{folder.body['path']} (old)"), _with(files[2], name="called otherwise.bin"))
    data.delete(*data.of("io.cozy.todos"))
    yield
    data.delete(files[3])
    data.put(_with(first, fullname="Somebody Else Again"))
    yield


def test_a_chain_of_five_comes_to_the_full_export(
    data: Cloud,
    somebody: Tenant,
    next_export: Callable[[], Unpacked],
    fetch: Callable[..., Unpacked],
    tmp_path: Path,
) -> None:
    chain = [next_export(), *(next_export() for _ in edits(data))]
    full = fetch(somebody, somebody.api.create()["id"])

    assert [export.faults for export in chain] == [[]] * 5
    told = [export.manifest["incremental"] for export in chain]
    assert [each["full"] for each in told] == [True, False, False, False, False]
    assert [each["parent_export"] for each in told] == ["", *(export.export["id"] for export in chain[:-1])]
    assert [each["deleted"][CONTACTS] for each in told] == [0, 1, 0, 0, 0]
    assert [each["deleted"]["io.cozy.files"] for each in told] == [0, 1, 0, 0, 1]
    assert [export.manifest["files"]["written"] for export in chain[1:]] == [0, 1, 0, 0]
    assert [export.manifest["doctypes"][CONTACTS]["written"] for export in chain[1:]] == [1, 2, 0, 1]

    ids = [export.export["id"] for export in chain]
    manifests = {name: somebody.api.call("GET", f"/move/exports/{name}/manifest").body for name in ids}
    assert merged(chain, manifests, tmp_path) == contents(full)
    assert data.left_for_the_next() == {chain[-1].export["id"]}


def test_a_cancelled_run_leaves_nothing_and_the_next_builds_on_the_last_good_one(
    data: Cloud,
    somebody: Tenant,
    start: Callable[..., str],
    next_export: Callable[[], Unpacked],
) -> None:
    first = next_export()
    data.put(_with(data.of(CONTACTS)[0], note="changed"))
    cancelled = start(parts_size=10_240)
    deadline = time.monotonic() + 60
    while cancelled not in data.left_for_the_next():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    machine = data.stack.resources["export_workflow_arn"]
    data.aws.stepfunctions.stop_execution(
        executionArn=f"{machine.replace(':stateMachine:', ':execution:')}:{cancelled}"
    )
    assert somebody.api.get(cancelled)["attributes"]["state"] == "exporting"
    assert somebody.api.delete(cancelled).status == 200

    third = next_export()

    assert third.manifest["incremental"]["parent_export"] == first.export["id"]
    assert third.manifest["doctypes"][CONTACTS]["written"] == 1
    assert data.left_for_the_next() == {third.export["id"]}


def test_a_first_run_that_is_done_when_its_schedule_is_gone_leaves_nothing(
    data: Cloud, somebody: Tenant, start: Callable[..., str], wiring: Wiring
) -> None:
    running = start()
    assert somebody.api.call("DELETE", SCHEDULE).status == 204

    assert somebody.api.finished(running)["attributes"]["state"] == "done"
    until_cleared(data.left_for_the_next)
    assert wiring.chains.last_good(somebody.id, data.chain) is None


def until_cleared(left: Callable[[], set[str]]) -> None:
    """Wait for what the last step does when the export is done already."""
    deadline = time.monotonic() + 30
    while left():
        assert time.monotonic() < deadline, left()
        time.sleep(0.1)


def merged(chain: list[Unpacked], manifests: Mapping[str, bytes], folder: Path) -> Mapping[str, object]:
    """What the client's command makes of the downloads."""
    paths = []
    for export in reversed(chain):
        manifest = folder / f"{export.export['id']}.json"
        manifest.write_bytes(manifests[export.export["id"]])
        paths += [str(manifest), *map(str, export.archives)]
    into = folder / "whole"
    command = [sys.executable, "-m", "client", "merge", *paths, "--into", str(into)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    doctypes = chain[-1].manifest["doctypes"]
    records = {doctype: sorted(checks.record_lines([into], doctype)) for doctype in doctypes}
    return records | _files([into / "data" / "files"])


def contents(export: Unpacked) -> Mapping[str, object]:
    """The records of each doctype, and the files by path."""
    records = {doctype: sorted(export.records(doctype)) for doctype in export.manifest["doctypes"]}
    return records | _files([bag / "data" / "files" for bag in export.bags])


def _files(roots: list[Path]) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for root in roots for path in root.rglob("*") if path.is_file()
    }


def _with(record: Record, **fields: object) -> Record:
    return replace(record, body={**record.body, **fields})
