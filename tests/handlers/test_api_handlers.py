"""Each route with its sample event: what a caller gets to see."""

import base64
import hashlib
import io
import json
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from tests.handlers.conftest import EVENTS, Invoke, sample
from tests.unit.services.exports import CATALOG, TENANT, Product, broken, picture, record

from waybill.domain import keys
from waybill.domain.catalog import Catalog
from waybill.domain.errors import CatalogError, SourceUnavailable, StorageUnavailable
from waybill.domain.job import ExportJob
from waybill.domain.options import ExportOptions
from waybill.domain.progress import WorkerProgress
from waybill.ports import SourceItem

METALINK = "{urn:ietf:params:xml:ns:metalink}"
ROUTES = sorted(path.stem for path in (EVENTS / "api").glob("*.json"))
LINKED = ["download_linked_part", "get_linked_export"]
PUBLIC = ["get_public_key", *LINKED]
QISCUS = [name for name in ROUTES if "qiscus" in name]
WITH_TOKEN = [name for name in ROUTES if name not in {*PUBLIC, *QISCUS}]
IMPORTS = [name for name in ROUTES if "import" in name or "upload" in name]
WITH_ID = [name for name in WITH_TOKEN if "id" in sample("api", name).get("pathParameters", {}) and name not in IMPORTS]


def document(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["headers"]["content-type"] == "application/vnd.api+json"
    return dict(json.loads(answer["body"]))


def error(answer: dict[str, Any]) -> dict[str, Any]:
    (only,) = document(answer)["errors"]
    assert only["status"] == str(answer["statusCode"])
    return dict(only)


def of(job: ExportJob, **query: str) -> Any:
    def change(event: dict[str, Any]) -> None:
        event["pathParameters"]["id"] = job.id
        event.pop("queryStringParameters", None)
        if query:
            event["queryStringParameters"] = query

    return change


def cursor(job: ExportJob, value: str) -> Any:
    def change(event: dict[str, Any]) -> None:
        event["pathParameters"]["id"] = job.id
        event["queryStringParameters"] = {"cursor": value}

    return change


DATES = {"start_date": "2026-03-01", "end_date": "2026-03-31", "time_zone": "Asia/Jakarta"}


def asking(attributes: dict[str, Any]) -> Any:
    body = json.dumps({"data": {"attributes": attributes}})
    return lambda event: event.update(body=body)


def dated_catalog() -> Catalog:
    return Catalog({name: replace(each, date_field="at") for name, each in CATALOG.doctypes.items()})


class TestCreateExport:
    def test_it_answers_202_with_the_export_and_where_to_watch_it(self, invoke: Invoke, product: Product) -> None:
        answer = invoke("api", "create_export")

        data = document(answer)["data"]
        assert answer["statusCode"] == 202
        assert answer["headers"]["location"] == f"/move/exports/{data['id']}" == data["links"]["self"]
        assert int(answer["headers"]["retry-after"]) > 0
        assert data["type"] == "io.cozy.exports"
        assert data["meta"] == {
            "rev": f"1-{data['id'][-8:]}",
            "progress": {"records": 0, "bytes": 0, "percentage": 0},
        }
        assert data["attributes"] == {
            "parts_size": 10_240,
            "parts_cursors": [],
            "parts_length": 0,
            "with_doctypes": [],
            "without_files": False,
            "format": "tar.gz",
            "layout": "bag",
            "start_date": None,
            "end_date": None,
            "time_zone": "UTC",
            "state": "exporting",
            "created_at": "2026-03-01T12:00:00+00:00",
            "expires_at": "2026-03-08T12:00:00+00:00",
            "total_size": 0,
            "creation_duration": 0,
            "error": "",
        }
        assert product.metrics.flushes == 1

    def test_an_unknown_attribute_is_refused_by_name_and_nothing_is_made(
        self, invoke: Invoke, product: Product
    ) -> None:
        def misspell(event: dict[str, Any]) -> None:
            event["body"] = '{"data": {"attributes": {"part_size": 10240}}}'

        answer = invoke("api", "create_export", misspell)

        assert answer["statusCode"] == 422
        assert error(answer)["source"] == {"pointer": "/data/attributes/part_size"}
        assert product.jobs.jobs == {}

    def test_an_unknown_doctype_is_refused_with_its_place(self, invoke: Invoke, product: Product) -> None:
        def ask(event: dict[str, Any]) -> None:
            event["body"] = '{"data": {"attributes": {"with_doctypes": ["todos", "recipes"]}}}'

        answer = invoke("api", "create_export", ask)

        assert (answer["statusCode"], error(answer)["code"]) == (422, "invalid_options")
        assert error(answer)["source"] == {"pointer": "/data/attributes/with_doctypes/1"}

    def test_dates_are_shown_as_they_were_asked_for(self, invoke: Invoke, product: Product) -> None:
        product.catalog = dated_catalog()

        attributes = document(invoke("api", "create_export", asking(DATES)))["data"]["attributes"]

        assert {name: attributes[name] for name in DATES} == DATES

    def test_dates_that_span_too_much_are_refused(self, invoke: Invoke, product: Product) -> None:
        product.wiring.settings.max_range_days = 30

        answer = invoke("api", "create_export", asking(DATES))

        assert (answer["statusCode"], error(answer)["code"]) == (422, "invalid_options")
        assert error(answer)["source"] == {"pointer": "/data/attributes/end_date"}

    def test_dates_for_what_has_none_are_refused_with_the_doctype(self, invoke: Invoke, product: Product) -> None:
        answer = invoke("api", "create_export", asking(DATES))

        assert error(answer)["source"] == {"pointer": "/data/attributes/start_date"}
        assert "contacts" in error(answer)["detail"]
        assert product.jobs.jobs == {}

    def test_a_body_over_64_kib_is_refused(self, invoke: Invoke) -> None:
        answer = invoke("api", "create_export", lambda event: event.update(body="x" * 65_537))

        assert (answer["statusCode"], error(answer)["code"]) == (413, "body_too_large")

    def test_a_body_that_is_not_base64_although_it_says_so_is_refused(self, invoke: Invoke) -> None:
        answer = invoke("api", "create_export", lambda event: event.update(body="%%%", isBase64Encoded=True))

        assert answer["statusCode"] == 400

    @pytest.mark.parametrize(
        "body", [r'{"data": {"\ud800": 1}}', r'{"data": {"attributes": {"with_doctypes": ["\ud800"]}}}']
    )
    def test_half_of_a_surrogate_pair_is_refused_in_words_that_can_be_sent(self, invoke: Invoke, body: str) -> None:
        answer = invoke("api", "create_export", lambda event: event.update(body=body))

        assert (answer["statusCode"], error(answer)["code"]) == (400, "malformed_body")
        assert answer["body"].encode()

    def test_a_fault_of_the_workflow_is_a_503_that_says_when_to_come_back(
        self, invoke: Invoke, product: Product
    ) -> None:
        product.workflow.fail_on["start"] = StorageUnavailable("Step Functions does not answer.")

        answer = invoke("api", "create_export")

        assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "5")
        assert "Step Functions" not in answer["body"]


def with_key(key: str, body: str | None = None) -> Any:
    def change(event: dict[str, Any]) -> None:
        event["headers"]["idempotency-key"] = key
        if body is not None:
            event.update(body=body, isBase64Encoded=False)

    return change


class TestIdempotencyKey:
    def test_a_repeated_request_gets_the_same_document_and_is_told_so(self, invoke: Invoke, product: Product) -> None:
        first = invoke("api", "create_export", with_key("k1"))
        again = invoke("api", "create_export", with_key("k1"))

        assert (first["statusCode"], again["statusCode"]) == (202, 202)
        assert again["body"] == first["body"]
        assert again["headers"] == {**first["headers"], "idempotent-replayed": "true"}
        assert "idempotent-replayed" not in first["headers"]
        assert len(product.jobs.jobs) == 1

    def test_it_shows_the_progress_made_meanwhile(self, invoke: Invoke, product: Product) -> None:
        invoke("api", "create_export", with_key("k1"))
        (job,) = product.jobs.jobs.values()
        product.jobs.report(job, WorkerProgress("read", 0, 1, 0.5, 7, 8))

        again = document(invoke("api", "create_export", with_key("k1")))

        assert again["data"]["meta"]["progress"] == {"records": 7, "bytes": 8, "percentage": 25}

    def test_another_body_is_refused_and_names_the_header(self, invoke: Invoke) -> None:
        invoke("api", "create_export", with_key("k1"))

        answer = invoke("api", "create_export", with_key("k1", '{"data": {"attributes": {"without_files": true}}}'))

        assert (answer["statusCode"], error(answer)["code"]) == (422, "idempotency_key_reused")
        assert error(answer)["source"] == {"header": "Idempotency-Key"}

    @pytest.mark.parametrize("key", ["", " ", "a b", "ä", "a" * 256, "a\tb", "\x7f"])
    def test_a_key_that_is_none_is_refused_before_anything_is_made(
        self, invoke: Invoke, product: Product, key: str
    ) -> None:
        answer = invoke("api", "create_export", with_key(key))

        assert (answer["statusCode"], error(answer)["code"]) == (400, "invalid_idempotency_key")
        assert error(answer)["source"] == {"header": "Idempotency-Key"}
        assert product.jobs.jobs == {}

    @pytest.mark.parametrize("key", ["k", "~" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
    def test_any_visible_ascii_is_a_key(self, invoke: Invoke, key: str) -> None:
        assert invoke("api", "create_export", with_key(key))["statusCode"] == 202

    def test_a_key_of_ours_is_none_of_a_callers(self, invoke: Invoke, product: Product) -> None:
        options = ExportOptions(parts_size=10_240)
        ours = product.create(options, key="schedule:weekly")

        data = document(invoke("api", "create_export", with_key("schedule:weekly")))["data"]

        assert data["id"] != ours.id

    def test_while_the_first_request_is_served_the_second_is_told_when_to_ask(
        self, invoke: Invoke, product: Product
    ) -> None:
        invoke("api", "create_export", with_key("k1"))
        product.workflow.started.clear()

        answer = invoke("api", "create_export", with_key("k1"))

        assert (answer["statusCode"], error(answer)["code"]) == (409, "export_being_created")
        assert answer["headers"]["retry-after"] == "1"

    def test_the_key_stands_in_no_log(self, invoke: Invoke, product: Product, log: io.StringIO) -> None:
        for fault in (StorageUnavailable("Not now."), RuntimeError("anna@example.org"), None, None):
            product.workflow.fail_on = {"start": fault} if fault else {}
            invoke("api", "create_export", with_key("anna@example.org"))

        assert "anna@example.org" not in log.getvalue()


class TestRetryExport:
    def test_a_failed_export_is_made_once_more(self, invoke: Invoke, product: Product) -> None:
        job = product.create()
        product.jobs.replace(job.failed(product.clock(), "The table is gone."))

        answer = invoke("api", "retry_export", of(job))

        data = document(answer)["data"]
        assert answer["statusCode"] == 202
        assert answer["headers"]["location"] == f"/move/exports/{job.id}" == data["links"]["self"]
        assert int(answer["headers"]["retry-after"]) > 0
        assert (data["id"], data["attributes"]["state"], data["attributes"]["error"]) == (job.id, "exporting", "")
        assert data["meta"] == {
            "rev": f"3-{job.id[-8:]}",
            "progress": {"records": 0, "bytes": 0, "percentage": 0},
        }

    def test_one_that_has_not_failed_is_refused_and_stays_as_it_is(self, invoke: Invoke, product: Product) -> None:
        for job in (product.create(), product.export()):
            answer = invoke("api", "retry_export", of(job))

            assert (answer["statusCode"], error(answer)["code"]) == (409, "export_not_failed")
            assert "retry-after" not in answer["headers"]
            assert product.jobs.get(TENANT, job.id) == job

    def test_over_the_quota_the_answer_says_when_to_come_back(self, invoke: Invoke, product: Product) -> None:
        job = product.create()
        product.jobs.replace(job.failed(product.clock(), "No."))
        for _ in range(product.limits.running):
            product.create()

        answer = invoke("api", "retry_export", of(job))

        assert (answer["statusCode"], error(answer)["code"]) == (429, "quota_exceeded")
        assert answer["headers"]["retry-after"] == "5"


class TestQuota:
    def test_over_it_the_answer_says_when_to_come_back(self, invoke: Invoke, product: Product) -> None:
        for _ in range(product.limits.running):
            invoke("api", "create_export")
        product.clock.advance(seconds=90)

        answer = invoke("api", "create_export")

        assert (answer["statusCode"], error(answer)["code"]) == (429, "quota_exceeded")
        assert answer["headers"]["retry-after"] == "90"
        assert str(product.limits.running) in error(answer)["detail"]


class TestGetExport:
    def test_while_it_runs_it_shows_progress_and_when_to_ask_again(self, invoke: Invoke, product: Product) -> None:
        job = product.create()

        answer = invoke("api", "get_export", of(job))

        assert answer["statusCode"] == 200
        assert document(answer)["data"]["meta"]["progress"]["percentage"] == 0
        assert "retry-after" in answer["headers"]

    def test_when_it_is_done_it_shows_the_parts(self, invoke: Invoke, product: Product) -> None:
        job = product.export()

        answer = invoke("api", "get_export", of(job))

        data = document(answer)["data"]
        assert data["attributes"]["state"] == "done"
        assert len(data["attributes"]["parts_cursors"]) == data["attributes"]["parts_length"] == 1
        assert data["meta"] == {"rev": f"2-{job.id[-8:]}"}
        assert "retry-after" not in answer["headers"]

    def test_gaps_are_shown_where_the_state_is(self, invoke: Invoke, product: Product) -> None:
        product.contacts = [record("ada"), broken("bob")]

        assert document(invoke("api", "get_export", of(product.export())))["data"]["meta"]["gaps"] == 1

    def test_when_it_is_done_it_links_to_what_it_is_checked_with(self, invoke: Invoke, product: Product) -> None:
        job = product.export()

        links = document(invoke("api", "get_export", of(job)))["data"]["links"]

        path = f"/move/exports/{job.id}"
        assert links == {
            "self": path,
            "manifest": f"{path}/manifest",
            "signature": f"{path}/manifest/signature",
            "metalink": f"{path}/metalink",
        }

    def test_a_failed_one_shows_the_sentence(self, invoke: Invoke, product: Product) -> None:
        job = product.create()
        product.jobs.replace(job.failed(product.clock(), "The table is gone."))

        attributes = document(invoke("api", "get_export", of(job)))["data"]["attributes"]

        assert (attributes["state"], attributes["error"]) == ("error", "The table is gone.")


class TestEstimateExport:
    def test_it_answers_what_the_export_would_be_and_stores_nothing(self, invoke: Invoke, product: Product) -> None:
        product.contacts = [record("c1"), record("c2"), broken("c3")]
        product.pictures = [picture("p1", b"12345")]

        answer = invoke("api", "estimate_export")

        data = document(answer)["data"]
        attributes = data["attributes"]
        doctypes = attributes.pop("doctypes")
        cost = attributes.pop("cost")
        assert answer["statusCode"] == 200
        assert data["type"] == "io.cozy.exports.estimates"
        assert (attributes.pop("total_size") > 1_000, attributes.pop("seconds") >= 7) == (True, True)
        assert attributes == {
            "parts_size": 10_240,
            "max_age": 604_800_000_000_000,
            "with_doctypes": [],
            "without_files": False,
            "format": "tar.gz",
            "layout": "bag",
            "start_date": None,
            "end_date": None,
            "time_zone": "UTC",
            "exact": True,
            "records": 3,
            "files": 1,
            "record_bytes": 66,
            "file_bytes": 5,
            "bytes": 71,
            "parts": 1,
            "limits": [],
        }
        assert doctypes == {
            "contacts": {"exact": True, "records": 2, "files": 0, "record_bytes": 52, "file_bytes": 0, "bytes": 52},
            "pictures": {"exact": True, "records": 1, "files": 1, "record_bytes": 14, "file_bytes": 5, "bytes": 19},
            "todos": {"exact": True, "records": 0, "files": 0, "record_bytes": 0, "file_bytes": 0, "bytes": 0},
        }
        assert (cost["currency"], cost["prices"]) == ("USD", "us-east-1")
        assert cost["total"] == pytest.approx(sum(cost["pieces"].values()))
        assert cost["pieces"]["step_functions"] == 0.00025
        assert product.jobs.jobs == {}

    def test_what_would_stop_it_is_named_with_a_code(self, invoke: Invoke) -> None:
        answer = invoke("api", "estimate_export", lambda event: event.update(body=_asking(max_age=1_000)))

        (limit,) = document(answer)["data"]["attributes"]["limits"]
        assert (answer["statusCode"], limit["code"], set(limit)) == (200, "expires_too_soon", {"code", "detail"})

    @pytest.mark.parametrize(
        ("attributes", "code", "pointer"),
        [
            ({"part_size": 1}, "unknown_attribute", "/data/attributes/part_size"),
            ({"parts_size": 1}, "invalid_attribute", "/data/attributes/parts_size"),
            ({"with_doctypes": ["no-such"]}, "invalid_options", "/data/attributes/with_doctypes/0"),
            ({"format": "csv"}, "invalid_options", "/data/attributes/format"),
        ],
    )
    def test_it_refuses_what_creating_refuses(
        self, invoke: Invoke, attributes: dict[str, Any], code: str, pointer: str
    ) -> None:
        for route in ("estimate_export", "create_export"):
            answer = invoke("api", route, lambda event: event.update(body=_asking(**attributes)))

            assert (answer["statusCode"], error(answer)["code"]) == (422, code)
            assert error(answer)["source"] == {"pointer": pointer}

    def test_a_source_that_does_not_answer_is_a_503(self, invoke: Invoke, product: Product) -> None:
        product.contacts = Unreadable()

        answer = invoke("api", "estimate_export")

        assert (answer["statusCode"], error(answer)["code"]) == (503, "source_unavailable")


def _asking(**attributes: Any) -> str:
    return json.dumps({"data": {"attributes": attributes}})


class Unreadable(list[SourceItem]):
    """Records that their source does not give."""

    def __iter__(self) -> Iterator[SourceItem]:
        raise SourceUnavailable("The table does not answer.")


class TestListExports:
    def test_pages_follow_each_other_newest_first(self, invoke: Invoke, product: Product) -> None:
        made = []
        for _ in range(5):
            made.append(product.create().id)
            product.clock.advance(seconds=1)
        seen: list[str] = []
        change = None
        while True:
            page = document(invoke("api", "list_exports", change))
            seen += [each["id"] for each in page["data"]]
            if page["links"]["next"] is None:
                break
            found = re.search(r"page%5Bcursor%5D=(\w+)", page["links"]["next"])
            assert found is not None
            query = {"page[size]": "2", "page[cursor]": found[1]}

            def change(event: dict[str, Any], query: dict[str, str] = query) -> None:
                event["queryStringParameters"] = query

        assert seen == made[::-1]

    def test_exports_of_very_many_parts_make_shorter_pages(self, invoke: Invoke, product: Product) -> None:
        for _ in range(20):
            job = product.create()
            product.jobs.replace(job.finished(product.clock(), parts=10_000, total_size=1, gaps=0))
            product.clock.advance(seconds=1)

        answer = invoke("api", "list_exports", lambda event: event.update(queryStringParameters={"page[size]": "100"}))

        page = document(answer)
        assert len(page["data"]) == 10
        assert page["data"][-1]["id"] in page["links"]["next"]

    @pytest.mark.parametrize("size", ["0", "-1", "101", "ten", "", "1e1", "٣", "9" * 5000])
    def test_a_wrong_page_size_is_refused(self, invoke: Invoke, size: str) -> None:
        answer = invoke("api", "list_exports", lambda event: event.update(queryStringParameters={"page[size]": size}))

        assert (answer["statusCode"], error(answer)["source"]) == (400, {"parameter": "page[size]"})

    def test_a_cursor_of_ones_own_making_is_refused(self, invoke: Invoke) -> None:
        answer = invoke("api", "list_exports", lambda event: event.update(queryStringParameters={"page[cursor]": "7"}))

        assert (answer["statusCode"], error(answer)["code"]) == (400, "invalid_page_cursor")


class TestDownloadPart:
    def test_it_redirects_to_a_fresh_url_of_the_part(self, invoke: Invoke, product: Product) -> None:
        job = product.export()

        answer = invoke("api", "download_part", cursor(job, job.cursors[0]))

        assert answer["statusCode"] == 302
        assert f"exports/{job.id}/parts/part-00001.tar.gz" in answer["headers"]["location"]
        assert answer["headers"]["cache-control"] == "no-store"
        assert answer["body"] == ""

    def test_no_cursor_is_the_first_part(self, invoke: Invoke, product: Product) -> None:
        assert "part-00001" in invoke("api", "download_part", of(product.export()))["headers"]["location"]

    def test_an_unknown_cursor_is_refused(self, invoke: Invoke, product: Product) -> None:
        answer = invoke("api", "download_part", cursor(product.export(), "AAAA"))

        assert (answer["statusCode"], error(answer)["source"]) == (400, {"parameter": "cursor"})

    def test_an_unfinished_export_has_no_parts_yet(self, invoke: Invoke, product: Product) -> None:
        answer = invoke("api", "download_part", of(product.create()))

        assert (answer["statusCode"], error(answer)["code"]) == (409, "export_not_ready")


class TestGetManifest:
    def test_it_is_what_was_written(self, invoke: Invoke, product: Product) -> None:
        job = product.export()

        answer = invoke("api", "get_manifest", of(job))

        assert (answer["statusCode"], json.loads(answer["body"])) == (200, product.manifest(job))

    def test_an_unfinished_export_has_none(self, invoke: Invoke, product: Product) -> None:
        assert invoke("api", "get_manifest", of(product.create()))["statusCode"] == 409

    def test_its_signature_is_checked_by_openssl(self, invoke: Invoke, product: Product, tmp_path: Path) -> None:
        job = product.export()
        manifest = invoke("api", "get_manifest", of(job))
        signature = invoke("api", "get_manifest_signature", of(job))
        key = invoke("api", "get_public_key")

        assert (signature["statusCode"], signature["isBase64Encoded"]) == (200, True)
        assert signature["headers"]["content-type"] == "application/octet-stream"
        (tmp_path / "manifest.json").write_text(manifest["body"])
        (tmp_path / "manifest.json.sig").write_bytes(base64.b64decode(signature["body"]))
        (tmp_path / "waybill.pem").write_text(key["body"])
        check = ["openssl", "dgst", "-sha256", "-verify", "waybill.pem"]
        check += ["-signature", "manifest.json.sig", "manifest.json"]
        assert subprocess.run(check, cwd=tmp_path, check=True, capture_output=True).stdout == b"Verified OK\n"

    def test_an_unfinished_export_has_no_signature(self, invoke: Invoke, product: Product) -> None:
        assert invoke("api", "get_manifest_signature", of(product.create()))["statusCode"] == 409


class TestGetPublicKey:
    def test_anybody_gets_it_and_may_keep_it_for_a_while(self, invoke: Invoke, product: Product) -> None:
        answer = invoke("api", "get_public_key")

        assert (answer["statusCode"], answer["body"]) == (200, product.signer.public_key_pem().decode())
        assert answer["headers"]["cache-control"] == "public, max-age=3600"
        assert answer["headers"]["content-type"] == "application/x-pem-file"

    def test_a_key_that_cannot_be_asked_for_is_a_503(self, invoke: Invoke, product: Product) -> None:
        product.signer.fail_on["public_key_pem"] = StorageUnavailable("KMS does not answer.")

        assert invoke("api", "get_public_key")["statusCode"] == 503

    def test_a_query_parameter_is_refused_here_too(self, invoke: Invoke) -> None:
        answer = invoke("api", "get_public_key", lambda event: event.update(queryStringParameters={"a": "b"}))

        assert answer["statusCode"] == 400


class TestGetMetalink:
    def test_it_names_every_part_with_its_digests_and_a_url(self, invoke: Invoke, product: Product) -> None:
        noise = random.Random(3)
        product.contacts = [record(f"c{number:03}", noise.randbytes(300).hex()) for number in range(40)]
        job = product.export(ExportOptions(parts_size=10_240))

        answer = invoke("api", "get_metalink", of(job))

        assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "application/metalink4+xml")
        files = ElementTree.fromstring(answer["body"]).findall(f"{METALINK}file")
        assert len(files) == job.parts > 1
        for file, part, data in zip(files, product.manifest(job)["parts"], product.parts(job), strict=True):
            digest = hashlib.sha256(data).hexdigest()
            assert (file.get("name"), file.findtext(f"{METALINK}size")) == (part["name"], str(len(data)))
            assert [each.text for each in file.findall(f"{METALINK}hash[@type='sha-256']")] == [digest]
            pieces = file.findall(f"{METALINK}pieces[@type='sha-256']")
            assert [[each.text for each in piece] for piece in pieces] == [[digest]]
            url = file.findtext(f"{METALINK}url") or ""
            assert f"exports/{job.id}/parts/part-{part['number']:05}.tar.gz" in url
            assert parse_qs(urlsplit(url).query) == {"expires": ["3600"]}
            assert product.archives.downloads[keys.part(job.id, part["number"], "tar.gz")].filename == part["name"]

    def test_no_url_outlives_the_export(self, invoke: Invoke, product: Product) -> None:
        job = product.export()
        product.clock.advance(days=6, hours=23, minutes=50)

        assert "expires=600" in invoke("api", "get_metalink", of(job))["body"]

    def test_where_it_gets_too_large_the_pieces_are_left_out(
        self, invoke: Invoke, product: Product, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = product.export()
        whole = len(invoke("api", "get_metalink", of(job))["body"])
        monkeypatch.setattr("waybill.services.get_metalink.MOST_BYTES", whole - 1)

        answer = invoke("api", "get_metalink", of(job))

        assert (answer["statusCode"], "<pieces" in answer["body"]) == (200, False)

    def test_too_many_parts_are_refused_with_what_to_do(
        self, invoke: Invoke, product: Product, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("waybill.services.get_metalink.MOST_BYTES", 100)

        answer = invoke("api", "get_metalink", of(product.export()))

        assert (answer["statusCode"], error(answer)["code"]) == (422, "metalink_too_large")

    def test_more_pieces_than_fit_are_not_kept(
        self, invoke: Invoke, product: Product, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("waybill.services.finish_export.MOST_PIECES", 0)

        assert "<pieces" not in invoke("api", "get_metalink", of(product.export()))["body"]

    def test_an_unfinished_export_has_none(self, invoke: Invoke, product: Product) -> None:
        assert invoke("api", "get_metalink", of(product.create()))["statusCode"] == 409


class TestDeleteExport:
    def test_everything_of_it_goes_and_it_answers_410_from_then_on(self, invoke: Invoke, product: Product) -> None:
        job = product.export()

        answer = invoke("api", "delete_export", of(job))

        assert answer["statusCode"] == 200
        assert product.archives.objects == {}
        gone = invoke("api", "get_export", of(job))
        assert (gone["statusCode"], error(gone)["code"]) == (410, "export_gone")

    def test_it_answers_with_a_receipt_that_every_other_route_has_from_then_on(
        self, invoke: Invoke, product: Product
    ) -> None:
        product.contacts = [record("ada")]
        job = product.export()
        objects = dict(product.archives.objects)

        document = json.loads(invoke("api", "delete_export", of(job))["body"])

        receipt = {
            "deleted_at": product.clock().isoformat(),
            "reason": "deleted",
            "state": "done",
            "objects": len(objects),
            "bytes": sum(map(len, objects.values())),
            "reports": 0,
            "complete": True,
        }
        assert document == {"jsonapi": {"version": "1.1"}, "meta": {"id": job.id, **receipt}}
        for route in set(WITH_ID) - {"delete_export"}:
            assert error(invoke("api", route, of(job)))["meta"] == receipt, route

    def test_a_running_one_is_stopped(self, invoke: Invoke, product: Product) -> None:
        job = product.create()

        invoke("api", "delete_export", of(job))

        assert product.workflow.stopped == [job.id]

    def test_it_can_be_repeated(self, invoke: Invoke, product: Product) -> None:
        job = product.export()

        answers = [invoke("api", "delete_export", of(job)) for _ in range(2)]

        assert answers[0] == answers[1]

    def test_whoever_only_wants_to_cancel_leaves_one_that_has_ended_as_it_is(
        self, invoke: Invoke, product: Product
    ) -> None:
        running, ended = product.create(), product.export()

        cancelled, refused = (invoke("api", "delete_export", of(job, state="exporting")) for job in (running, ended))

        assert (cancelled["statusCode"], json.loads(cancelled["body"])["meta"]["state"]) == (200, "exporting")
        assert (refused["statusCode"], error(refused)["code"]) == (409, "export_ended")
        assert error(refused)["source"] == {"parameter": "state"}
        assert product.jobs.get(TENANT, ended.id) == ended

    @pytest.mark.parametrize("state", ["", "done", "EXPORTING"])
    def test_no_other_state_can_be_asked_for(self, invoke: Invoke, product: Product, state: str) -> None:
        job = product.create()

        answer = invoke("api", "delete_export", of(job, state=state))

        assert (answer["statusCode"], error(answer)["code"]) == (400, "invalid_parameter")
        assert product.jobs.get(TENANT, job.id) == job


@pytest.mark.parametrize("route", WITH_ID)
def test_an_unknown_id_is_404(invoke: Invoke, route: str) -> None:
    answer = invoke("api", route)

    assert (answer["statusCode"], error(answer)["code"]) == (404, "export_not_found")


@pytest.mark.parametrize("route", WITH_ID)
@pytest.mark.parametrize("odd", ["x" * 5_000, "..%2F", "0192F0C1A2B3C4D5E6F708192A3B4C5D", "", "\0", "ü" * 32])
def test_what_cannot_be_an_id_is_404_too(invoke: Invoke, product: Product, route: str, odd: str) -> None:
    product.jobs.fail_on["get"] = StorageUnavailable("The key is too long.")

    def change(event: dict[str, Any]) -> None:
        event["pathParameters"]["id"] = odd

    assert invoke("api", route, change)["statusCode"] == 404


@pytest.mark.parametrize("route", WITH_ID)
def test_another_tenants_export_is_404(invoke: Invoke, product: Product, route: str) -> None:
    job = product.export()

    def as_stranger(event: dict[str, Any]) -> None:
        of(job)(event)
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = "mallory"

    assert invoke("api", route, as_stranger)["statusCode"] == 404
    assert product.jobs.get(TENANT, job.id) == job


@pytest.mark.parametrize("route", [name for name in WITH_ID if name != "delete_export"])
def test_an_expired_export_is_410(invoke: Invoke, product: Product, route: str) -> None:
    job = product.export()
    product.clock.advance(days=7)

    assert invoke("api", route, of(job))["statusCode"] == 410


@pytest.mark.parametrize("route", WITH_TOKEN)
@pytest.mark.parametrize(
    "scope", ["", "openid", "waybill/schedules.create", "exports.read exports.create imports.read imports.create"]
)
def test_a_token_without_the_scope_is_403_and_told_which(invoke: Invoke, route: str, scope: str) -> None:
    def weaken(event: dict[str, Any]) -> None:
        event["requestContext"]["authorizer"]["jwt"]["claims"]["scope"] = scope

    answer = invoke("api", route, weaken)

    assert (answer["statusCode"], error(answer)["code"]) == (403, "scope_missing")
    assert f"waybill/{'imports' if route in IMPORTS else 'exports'}." in error(answer)["detail"]


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": ["alice"]}])
def test_a_token_that_names_no_tenant_is_403(invoke: Invoke, claims: dict[str, object]) -> None:
    def change(event: dict[str, Any]) -> None:
        event["requestContext"]["authorizer"]["jwt"]["claims"] = {**claims, "scope": "waybill/exports.read"}

    assert error(invoke("api", "list_exports", change))["code"] == "tenant_missing"


def test_a_query_parameter_that_nobody_knows_is_refused(invoke: Invoke, product: Product) -> None:
    job = product.create()

    def change(event: dict[str, Any]) -> None:
        of(job)(event)
        event["queryStringParameters"] = {"fields": "state"}

    answer = invoke("api", "get_export", change)

    assert (answer["statusCode"], error(answer)["source"]) == (400, {"parameter": "fields"})


def test_what_a_caller_sent_stands_in_the_answer_and_in_no_log(invoke: Invoke, log: io.StringIO) -> None:
    def change(event: dict[str, Any]) -> None:
        event["body"] = json.dumps({"data": {"attributes": {"with_doctypes": ["alice@example.org"]}}})

    answer = invoke("api", "create_export", change)

    assert (answer["statusCode"], "alice@example.org" in error(answer)["detail"]) == (422, True)
    assert "invalid_options" in log.getvalue()
    assert "alice@example.org" not in log.getvalue()


def test_a_store_that_fails_is_named_in_the_log(invoke: Invoke, product: Product, log: io.StringIO) -> None:
    job = product.create()
    product.jobs.fail_on["get"] = StorageUnavailable("The table jobs cannot be used.")

    assert invoke("api", "get_export", of(job))["statusCode"] == 503
    assert "The table jobs cannot be used." in log.getvalue()


@pytest.mark.parametrize("fault", [RuntimeError("alice@example.org"), CatalogError("The catalog layer is missing.")])
def test_a_fault_of_ours_tells_nothing_and_the_next_request_works(
    invoke: Invoke, product: Product, fault: Exception, log: io.StringIO
) -> None:
    job = product.create()
    product.jobs.fail_on["get"] = fault
    answer = invoke("api", "get_export", of(job))

    assert (answer["statusCode"], error(answer)["code"]) == (500, "internal")
    assert "request broke" in log.getvalue() or "request failed" in log.getvalue()
    assert "alice@example.org" not in answer["body"] + log.getvalue()
    product.jobs.fail_on.clear()
    assert invoke("api", "get_export", of(job))["statusCode"] == 200


@pytest.mark.parametrize(
    "body",
    [
        r'{"\ud800": 1, "data": {}}',
        r'{"data": {"attributes": {"\ud800": 1}}}',
        r'{"data": {"attributes": {"with_doctypes": ["\ud800"]}}}',
        r'{"data": {"attributes": {"time_zone": "\ud800"}}}',
    ],
)
@pytest.mark.parametrize("route", ["create_export", "create_import", "estimate_export", "put_schedule", "put_webhook"])
def test_half_of_a_surrogate_pair_is_refused_in_an_answer_that_can_be_sent(
    invoke: Invoke, route: str, body: str
) -> None:
    answer = invoke("api", route, lambda event: event.update(body=body, isBase64Encoded=False))

    assert answer["statusCode"] == 400
    assert json.dumps(answer, ensure_ascii=False).encode()  # as Lambda sends it
