"""200 exports listed page by page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from local.engine_process import ACCESS_KEY, REGION
from local.stack_file import Stack
from tests.e2e.support import Tenant

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.clock import system_clock
from waybill.adapters.credentials import Credentials
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.domain.job import new_export
from waybill.domain.options import ExportOptions

pytestmark = pytest.mark.e2e

_COUNT = 200


@pytest.fixture(scope="module")
def many(stack: Stack, new_tenant: Callable[..., Tenant]) -> tuple[Tenant, list[str]]:
    """A tenant with 200 exports, and their ids, newest first. They are stored as by the API, but no workflow is run."""
    tenant = new_tenant("many")
    client = AwsJsonClient(
        "dynamodb",
        "DynamoDB_20120810",
        endpoint=stack.endpoint_url,
        region=REGION,
        credentials=lambda: Credentials(ACCESS_KEY, ACCESS_KEY),
    )
    store = DynamoDbJobs(client, stack.resources["jobs_table"], clock=system_clock)
    began = datetime.now(UTC) - timedelta(hours=1)
    ids = []
    for number in range(_COUNT):
        job = new_export(tenant.id, ExportOptions(), began + timedelta(seconds=number))
        store.create(job)
        ids.append(job.id)
    return tenant, ids[::-1]


@pytest.mark.parametrize("size", [None, 1, 33, 100])
def test_pages_give_every_export_once_newest_first(many: tuple[Tenant, list[str]], size: int | None) -> None:
    tenant, ids = many
    pages = _pages(tenant, size)
    assert [each for page in pages for each in page] == (ids if size != 1 else ids[:5])
    assert {len(page) for page in pages[:-1]} <= {size or 20}


def _pages(tenant: Tenant, size: int | None) -> list[list[str]]:
    """Follow ``links.next`` from the first page on, at most five pages of one export each."""
    path: str | None = "/move/exports" if size is None else f"/move/exports?page[size]={size}"
    pages: list[list[str]] = []
    while path and not (size == 1 and len(pages) == 5):
        document = tenant.api.call("GET", path).document
        pages.append([export["id"] for export in document["data"]])
        path = document["links"]["next"]
    return pages


def test_export_that_comes_while_paging_shifts_nothing(many: tuple[Tenant, list[str]]) -> None:
    tenant, ids = many
    first = tenant.api.call("GET", "/move/exports?page[size]=50").document
    newest = tenant.api.create(with_doctypes=["io.cozy.todos"])["id"]
    second = tenant.api.call("GET", first["links"]["next"]).document
    assert [export["id"] for export in second["data"]] == ids[50:100]
    tenant.api.finished(newest)
    assert tenant.api.delete(newest).status == 200


@pytest.mark.parametrize(
    "query",
    [
        "page[size]=0",
        "page[size]=101",
        "page[size]=-1",
        "page[size]=x",
        "page[cursor]=../etc",
        "page[cursor]=%00",
        "sort=id",
    ],
)
def test_page_that_cannot_be_is_refused(many: tuple[Tenant, list[str]], query: str) -> None:
    answer = many[0].api.call("GET", f"/move/exports?{query}")
    assert answer.status == 400
    assert answer.document["errors"][0]["source"]["parameter"]
