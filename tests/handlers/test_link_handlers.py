"""The routes of the link API with their sample events: what a stranger with a link gets to see, and one without."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.handlers.conftest import Invoke
from tests.unit.services.exports import TENANT, Product

from waybill.domain.errors import StorageUnavailable
from waybill.domain.job import ExportJob, new_export
from waybill.domain.link import make_link
from waybill.domain.options import ExportOptions

ROUTES = ["get_linked_export", "download_linked_part"]
FOR_COZY = ExportOptions(format="zip", layout="cozy")
NAMES = ("io.cozy.files/3f", "io.cozy.files/9a")

Change = Callable[[dict[str, Any]], None]


def by(link: str | None, cursor: str | None = None) -> Change:
    """Send a link, and a cursor if one is given."""
    assert link is not None

    def change(event: dict[str, Any]) -> None:
        event["pathParameters"]["link"] = link
        event.pop("queryStringParameters", None)
        if cursor is not None:
            event["queryStringParameters"] = {"cursor": cursor}

    return change


def create(invoke: Invoke, **attributes: object) -> dict[str, Any]:
    """The resource object that the owner gets for a new export."""
    body = json.dumps({"data": {"attributes": attributes}})
    answer = invoke("api", "create_export", lambda event: event.update(body=body))
    assert answer["statusCode"] == 202
    return dict(json.loads(answer["body"])["data"])


def shown_to_owner(invoke: Invoke, export_id: str) -> dict[str, Any]:
    """The resource object as the export's owner sees it."""
    answer = invoke("api", "get_export", lambda event: event["pathParameters"].update(id=export_id))
    return dict(json.loads(answer["body"])["data"])


def error(answer: dict[str, Any]) -> dict[str, Any]:
    """The one error of an answer."""
    (only,) = json.loads(answer["body"])["errors"]
    return dict(only)


def done(product: Product) -> ExportJob:
    """An export of three parts in the layout of Cozy."""
    job = product.create(FOR_COZY)
    product.jobs.replace(job.finished(product.clock(), parts=3, total_size=9, gaps=0, part_names=NAMES))
    return product.jobs.get(TENANT, job.id)


class TestWhatTheOwnerSees:
    def test_an_export_for_cozy_shows_its_link_from_the_start(self, invoke: Invoke, product: Product) -> None:
        export = create(invoke, layout="cozy")

        link = product.jobs.get(TENANT, export["id"]).link
        assert (export["attributes"]["layout"], export["attributes"]["format"]) == ("cozy", "zip")
        assert export["links"]["share"] == f"https://links.invalid/#/exports/{link}"
        assert export["links"]["share_status"] == f"https://links.invalid/move/exports/{link}"

    def test_it_is_shown_in_the_list_and_by_itself_too(self, invoke: Invoke) -> None:
        made = create(invoke, layout="cozy")["links"]

        (listed,) = json.loads(invoke("api", "list_exports")["body"])["data"]
        assert listed["links"] == made == shown_to_owner(invoke, listed["id"])["links"]

    def test_another_layout_has_none(self, invoke: Invoke, product: Product) -> None:
        export = create(invoke, layout="bag")

        assert set(export["links"]) == {"self"}

    def test_without_a_way_back_from_the_link_no_export_is_made(self, product: Product) -> None:
        product.jobs.fail_on["create"] = StorageUnavailable("Not now.")

        with pytest.raises(StorageUnavailable):
            product.create(FOR_COZY)
        assert (product.jobs.jobs, product.jobs.owners, product.workflow.started) == ({}, {}, [])


class TestGetLinkedExport:
    def test_it_is_the_owners_document_but_for_links_that_want_a_token(self, invoke: Invoke, product: Product) -> None:
        job = done(product)

        answer = invoke("api", "get_linked_export", by(job.link))

        document = json.loads(answer["body"])
        assert answer["statusCode"] == 200
        assert answer["headers"]["content-type"] == "application/vnd.api+json"
        assert answer["headers"]["cache-control"] == "no-store"
        assert document["data"] == {
            **shown_to_owner(invoke, job.id),
            "links": {"self": f"/move/exports/{job.link}"},
        }

    def test_its_attributes_are_what_cozy_decodes(self, invoke: Invoke, product: Product) -> None:
        attributes = json.loads(invoke("api", "get_linked_export", by(done(product).link))["body"])["data"][
            "attributes"
        ]

        assert attributes["state"] == "done"
        assert attributes["parts_cursors"] == list(NAMES)
        assert attributes["expires_at"] == "2026-03-08T12:00:00+00:00"
        assert {type(attributes[name]) for name in ("parts_size", "total_size", "creation_duration")} == {int}
        assert (attributes["with_doctypes"], attributes["error"]) == ([], "")

    def test_while_it_runs_it_says_when_to_ask_again(self, invoke: Invoke, product: Product) -> None:
        answer = invoke("api", "get_linked_export", by(product.create(FOR_COZY).link))

        assert json.loads(answer["body"])["data"]["attributes"]["state"] == "exporting"
        assert int(answer["headers"]["retry-after"]) > 0


class TestDownloadLinkedPart:
    @pytest.mark.parametrize(("cursor", "part"), [(None, 1), ("", 1), (NAMES[0], 2), (NAMES[1], 3)])
    def test_it_redirects_to_a_fresh_url_of_the_part(
        self, invoke: Invoke, product: Product, cursor: str | None, part: int
    ) -> None:
        job = done(product)

        answer = invoke("api", "download_linked_part", by(job.link, cursor))

        assert answer["statusCode"] == 302
        assert f"exports/{job.id}/parts/part-{part:05}.zip?expires=300" in answer["headers"]["location"]
        assert answer["headers"]["referrer-policy"] == "no-referrer"
        assert (answer["headers"]["cache-control"], answer["body"]) == ("no-store", "")

    @pytest.mark.parametrize(
        "cursor", ["io.cozy.files/0", "io.cozy.files%2F3f", f"{NAMES[0]},{NAMES[1]}", "AAAB1snk9OoN"]
    )
    def test_an_unknown_cursor_is_refused(self, invoke: Invoke, product: Product, cursor: str) -> None:
        answer = invoke("api", "download_linked_part", by(done(product).link, cursor))

        assert (answer["statusCode"], error(answer)["source"]) == (400, {"parameter": "cursor"})

    def test_an_unfinished_export_has_no_parts_yet(self, invoke: Invoke, product: Product) -> None:
        answer = invoke("api", "download_linked_part", by(product.create(FOR_COZY).link))

        assert (answer["statusCode"], error(answer)["code"]) == (409, "export_not_ready")

    def test_it_gives_the_owner_the_same_parts(self, invoke: Invoke, product: Product) -> None:
        job = done(product)

        def ask(event: dict[str, Any]) -> None:
            event["pathParameters"]["id"] = job.id
            event["queryStringParameters"] = {"cursor": NAMES[1]}

        assert "part-00003.zip" in invoke("api", "download_part", ask)["headers"]["location"]


@pytest.mark.parametrize("route", ROUTES)
class TestWhatALinkCannotDo:
    def refused(self, invoke: Invoke, route: str, link: str | None) -> str:
        """The answer to a link that leads nowhere: always the same."""
        answer = invoke("api", route, by(link))
        assert (answer["statusCode"], error(answer)["code"]) == (404, "export_not_found")
        return str(answer["body"])

    def test_one_that_nobody_made_leads_nowhere(self, invoke: Invoke, route: str) -> None:
        answer = invoke("api", route)

        assert (answer["statusCode"], error(answer)["code"]) == (404, "export_not_found")

    @pytest.mark.parametrize("odd", ["", "x", "x" * 5_000, "0" * 32, "A" * 75, "\0", "ü" * 75, "..%2F", " " * 75])
    def test_what_cannot_be_one_leads_nowhere(self, invoke: Invoke, route: str, odd: str) -> None:
        self.refused(invoke, route, odd)

    def test_an_exports_id_is_none(self, invoke: Invoke, product: Product, route: str) -> None:
        self.refused(invoke, route, done(product).id)

    def test_all_that_lead_nowhere_are_answered_alike(self, invoke: Invoke, product: Product, route: str) -> None:
        job, other = done(product), done(product)
        assert job.link is not None
        deleted = product.create(FOR_COZY)
        product.jobs.replace(deleted.deleted(product.clock()))
        without_record = new_export(TENANT, FOR_COZY, product.clock())
        product.jobs.owners[without_record.id] = TENANT
        forged = {
            "another export's secret": make_link(job.id, job.expires_at, other.link_secret),
            "a longer life": make_link(job.id, job.expires_at.replace(year=2030), job.link_secret),
            "a tampered end": f"{job.link[:-1]}{'A' if job.link[-1] != 'A' else 'E'}",
            "a part of it": job.link[:-1],
            "of a deleted export": deleted.link,
            "of an export that was never stored": new_export(TENANT, FOR_COZY, product.clock()).link,
            "of an export whose record is gone": without_record.link,
        }

        assert len({self.refused(invoke, route, link) for link in forged.values()}) == 1
        assert invoke("api", route, by(job.link))["statusCode"] in {200, 302}

    def test_no_link_opens_an_export_of_another_layout(self, invoke: Invoke, product: Product, route: str) -> None:
        job = product.create()

        for secret in (bytes(32), b"x" * 32):
            self.refused(invoke, route, make_link(job.id, job.expires_at, secret))

    def test_it_ends_with_its_export(self, invoke: Invoke, product: Product, route: str) -> None:
        job = done(product)
        product.clock.advance(days=7)

        answer = invoke("api", route, by(job.link))

        assert (answer["statusCode"], error(answer)["code"]) == (410, "export_gone")

    def test_a_forged_one_of_an_expired_export_learns_nothing(
        self, invoke: Invoke, product: Product, route: str
    ) -> None:
        job = done(product)
        product.clock.advance(days=7)

        self.refused(invoke, route, make_link(job.id, job.expires_at, bytes(32)))

    def test_deleting_the_export_revokes_it_at_once_and_for_good(
        self, invoke: Invoke, product: Product, route: str
    ) -> None:
        job = done(product)

        for _ in range(2):
            invoke("api", "delete_export", lambda event: event["pathParameters"].update(id=job.id))

        self.refused(invoke, route, job.link)

    def test_a_deletion_that_was_cut_short_has_revoked_it_already(
        self, invoke: Invoke, product: Product, route: str
    ) -> None:
        job = done(product)
        product.workflow.fail_on["stop"] = StorageUnavailable("Not now.")

        invoke("api", "delete_export", lambda event: event["pathParameters"].update(id=job.id))

        self.refused(invoke, route, job.link)

    def test_a_token_adds_nothing_to_it(self, invoke: Invoke, product: Product, route: str) -> None:
        job = done(product)

        def with_token(event: dict[str, Any]) -> None:
            by(job.id)(event)
            claims = {"sub": TENANT, "scope": "waybill/exports.read"}
            event["requestContext"]["authorizer"] = {"jwt": {"claims": claims}}

        assert invoke("api", route, with_token)["statusCode"] == 404

    def test_other_query_parameters_are_refused(self, invoke: Invoke, product: Product, route: str) -> None:
        job = done(product)

        def change(event: dict[str, Any]) -> None:
            by(job.link)(event)
            event["queryStringParameters"] = {"fields": "state"}

        assert invoke("api", route, change)["statusCode"] == 400

    def test_it_stands_in_no_log_and_in_no_error(
        self, invoke: Invoke, product: Product, route: str, log: io.StringIO
    ) -> None:
        job = done(product)
        assert job.link is not None
        cursor = "io.cozy.files/0" if route == "download_linked_part" else None
        said = ""
        for fault in (StorageUnavailable("Not now."), RuntimeError(f"no {job.link}"), None):
            product.jobs.fail_on = {"owner_of": fault} if fault else {}
            said += invoke("api", route, by(job.link, cursor))["body"]
        product.clock.advance(days=7)
        said += invoke("api", route, by(job.link))["body"]
        invoke("api", "delete_export", lambda event: event["pathParameters"].update(id=job.id))
        said += invoke("api", route, by(job.link))["body"]

        logged = log.getvalue()
        assert "export_not_found" in logged
        assert '{link}"' in logged  # the route, as it is written in the template
        assert "RuntimeError" in logged
        assert job.link not in logged + said.replace(f"/move/exports/{job.link}", "")
        assert TENANT not in logged


def test_exports_with_long_names_of_parts_make_shorter_pages(invoke: Invoke, product: Product) -> None:
    names = tuple(f"io.cozy.files/{number:016}" for number in range(9_999))
    for _ in range(9):
        job = product.create(FOR_COZY)
        product.jobs.replace(job.finished(product.clock(), parts=10_000, total_size=1, gaps=0, part_names=names))
        product.clock.advance(seconds=1)

    answer = invoke("api", "list_exports", lambda event: event.update(queryStringParameters={"page[size]": "100"}))

    page = json.loads(answer["body"])
    assert len(page["data"]) == 4
    assert page["data"][-1]["id"] in page["links"]["next"]
