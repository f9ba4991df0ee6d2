"""The routes of schedules and the function that they fire, with the sample events: what a caller gets to see."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.handlers.conftest import Invoke
from tests.unit.services.exports import TENANT, Product, record

from waybill.domain.errors import CatalogError, InvalidOptions, StorageUnavailable
from waybill.domain.job import ExportJob
from waybill.entry.task import UnforeseenError

NAMED = ["get_schedule", "delete_schedule", "put_schedule"]
Change = Callable[[dict[str, Any]], object]


def document(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["headers"]["content-type"] == "application/vnd.api+json"
    return dict(json.loads(answer["body"]))


def errors(answer: dict[str, Any]) -> list[dict[str, Any]]:
    found = document(answer)["errors"]
    assert {each["status"] for each in found} == {str(answer["statusCode"])}
    return list(found)


def asking(name: str = "nightly", /, **attributes: object) -> Change:
    """Change the body and the path of a PUT. None leaves an attribute out."""

    def change(event: dict[str, Any]) -> None:
        wanted = {"expression": "cron(0 3 * * ? *)"} | attributes
        kept = {key: value for key, value in wanted.items() if value is not None}
        event["pathParameters"]["name"] = name
        event["body"] = json.dumps({"data": {"attributes": kept}})

    return change


class TestPutSchedule:
    def test_a_new_one_is_201_with_all_that_is_known_of_it(self, invoke: Invoke) -> None:
        answer = invoke("api", "put_schedule")

        assert (answer["statusCode"], answer["headers"]["location"]) == (201, "/move/schedules/nightly")
        assert document(answer)["data"] == {
            "type": "io.cozy.exports.schedules",
            "id": "nightly",
            "attributes": {
                "expression": "cron(0 3 * * ? *)",
                "time_zone": "Europe/Berlin",
                "enabled": True,
                "options": {
                    "parts_size": 10_240,
                    "max_age": 604_800_000_000_000,
                    "with_doctypes": ["contacts"],
                    "without_files": False,
                    "format": "tar.gz",
                    "layout": "bag",
                    "start_date": None,
                    "end_date": None,
                    "time_zone": "UTC",
                },
                "incremental": False,
                "created_at": "2026-03-01T12:00:00+00:00",
                "next_run": "2026-03-02T02:00:00+00:00",
                "last_run": None,
                "last_result": "none",
                "last_error": "",
                "last_export": "",
            },
            "links": {"self": "/move/schedules/nightly"},
            "meta": {"rev": 1},
        }

    def test_the_second_is_200(self, invoke: Invoke) -> None:
        invoke("api", "put_schedule")
        answer = invoke("api", "put_schedule", asking(incremental=True, enabled=False))

        attributes = document(answer)["data"]["attributes"]
        assert answer["statusCode"] == 200
        assert (attributes["incremental"], attributes["enabled"], attributes["next_run"]) == (True, False, None)
        assert attributes["time_zone"] == "UTC"

    @pytest.mark.parametrize(
        ("attributes", "code", "pointer"),
        [
            ({"expresion": "rate(1 day)"}, "unknown_attribute", "expresion"),
            ({"next_run": "2026-03-02T02:00:00+00:00"}, "unknown_attribute", "next_run"),
            ({"expression": None}, "invalid_attribute", "expression"),
            ({"expression": 60}, "invalid_attribute", "expression"),
            ({"expression": "every night"}, "invalid_schedule", "expression"),
            ({"expression": "rate(59 minutes)"}, "invalid_schedule", "expression"),
            ({"expression": "cron(0,30 3 * * ? *)"}, "invalid_schedule", "expression"),
            ({"expression": "cron(0 3 30 2 ? *)"}, "invalid_schedule", "expression"),
            ({"expression": "cron(0 3 1 1 ? 2020)"}, "invalid_schedule", "expression"),
            ({"time_zone": "Europe/Atlantis"}, "invalid_schedule", "time_zone"),
            ({"time_zone": None, "enabled": "yes"}, "invalid_attribute", "enabled"),
            ({"incremental": 1}, "invalid_attribute", "incremental"),
            ({"options": []}, "invalid_attribute", "options"),
            ({"options": {"part_size": 10_240}}, "unknown_attribute", "options/part_size"),
            ({"options": {"parts_size": "10240"}}, "invalid_attribute", "options/parts_size"),
            ({"options": {"layout": "cozy", "format": "tar"}}, "invalid_attribute", "options/format"),
            ({"options": {"with_doctypes": ["recipes"]}}, "invalid_options", "options/with_doctypes/0"),
        ],
    )
    def test_what_is_wrong_is_refused_by_its_place(
        self, invoke: Invoke, attributes: dict[str, object], code: str, pointer: str
    ) -> None:
        answer = invoke("api", "put_schedule", asking(**attributes))

        (error,) = errors(answer)
        assert (answer["statusCode"], error["code"]) == (422, code)
        assert error["source"] == {"pointer": f"/data/attributes/{pointer}"}
        assert invoke("api", "get_schedule")["statusCode"] == 404

    def test_all_that_is_wrong_is_told_at_once(self, invoke: Invoke) -> None:
        wrong = asking(expression="daily", time_zone="Mars", enabled=1, options={"max_age": 0, "layout": "x"}, more=1)
        pointers = {each["source"]["pointer"] for each in errors(invoke("api", "put_schedule", wrong))}

        names = ("expression", "time_zone", "enabled", "options/max_age", "options/layout", "more")
        assert pointers == {f"/data/attributes/{name}" for name in names}

    @pytest.mark.parametrize("name", ["a b", "x" * 65, "ü", "a/b", "\0"])
    def test_a_name_that_is_none_is_refused(self, invoke: Invoke, name: str) -> None:
        answer = invoke("api", "put_schedule", asking(name))
        assert (answer["statusCode"], errors(answer)[0]["code"]) == (422, "invalid_schedule_name")

    def test_the_21st_is_refused(self, invoke: Invoke) -> None:
        for number in range(20):
            assert invoke("api", "put_schedule", asking(f"number-{number}"))["statusCode"] == 201
        answer = invoke("api", "put_schedule", asking("one-more"))
        assert (answer["statusCode"], errors(answer)[0]["code"]) == (422, "too_many_schedules")

    def test_an_id_that_is_not_the_one_in_the_path_is_refused(self, invoke: Invoke) -> None:
        def change(event: dict[str, Any]) -> None:
            event["pathParameters"]["name"] = "weekly"

        answer = invoke("api", "put_schedule", change)
        assert (answer["statusCode"], errors(answer)[0]["source"]) == (422, {"pointer": "/data/id"})


class TestShowing:
    def test_the_last_run_is_linked_while_its_export_is_there(self, invoke: Invoke, product: Product) -> None:
        product.contacts = [record("ada")]
        invoke("api", "put_schedule")
        product.clock.advance(hours=14)
        assert invoke("schedule", "run_schedule") == {}

        data = document(invoke("api", "get_schedule"))["data"]

        (job,) = product.jobs.jobs.values()
        attributes = data["attributes"]
        assert (attributes["last_result"], attributes["last_export"]) == ("started", job.id)
        assert attributes["last_run"] == "2026-03-02T02:00:00+00:00"
        assert data["links"]["last_export"] == f"/move/exports/{job.id}"

        product.jobs.replace(job.deleted(product.clock()))
        data = document(invoke("api", "get_schedule"))["data"]
        assert (data["attributes"]["last_result"], "last_export" in data["links"]) == ("error", False)

    def test_pages_follow_each_other_by_name(self, invoke: Invoke) -> None:
        for name in ("c", "a", "b"):
            invoke("api", "put_schedule", asking(name))

        first = document(invoke("api", "list_schedules"))
        assert [each["id"] for each in first["data"]] == ["a", "b"]
        assert first["links"]["next"] == "/move/schedules?page%5Bsize%5D=2&page%5Bcursor%5D=b"

        query = {"page[size]": "2", "page[cursor]": "b"}
        second = document(invoke("api", "list_schedules", lambda event: event.update(queryStringParameters=query)))
        assert ([each["id"] for each in second["data"]], second["links"]["next"]) == (["c"], None)

    @pytest.mark.parametrize(("parameter", "value"), [("page[size]", "0"), ("page[cursor]", "a b"), ("sort", "name")])
    def test_a_query_that_cannot_be_is_refused(self, invoke: Invoke, parameter: str, value: str) -> None:
        answer = invoke("api", "list_schedules", lambda event: event.update(queryStringParameters={parameter: value}))
        assert (answer["statusCode"], errors(answer)[0]["source"]) == (400, {"parameter": parameter})


class TestDeleteSchedule:
    def test_it_is_204_and_then_404_with_a_sentence(self, invoke: Invoke) -> None:
        invoke("api", "put_schedule")

        assert invoke("api", "delete_schedule")["statusCode"] == 204

        again = invoke("api", "delete_schedule")
        assert (again["statusCode"], errors(again)[0]["code"]) == (404, "schedule_not_found")
        assert "no schedule of this name" in errors(again)[0]["detail"]


@pytest.mark.parametrize("route", ["get_schedule", "delete_schedule"])
@pytest.mark.parametrize("odd", ["x" * 5_000, "..%2F", "", "\0", "ü"])
def test_what_cannot_be_a_name_is_404(invoke: Invoke, route: str, odd: str) -> None:
    answer = invoke("api", route, lambda event: event["pathParameters"].update(name=odd))
    assert (answer["statusCode"], errors(answer)[0]["code"]) == (404, "schedule_not_found")


@pytest.mark.parametrize("route", ["get_schedule", "delete_schedule", "list_schedules"])
def test_another_tenants_schedule_is_not_there(invoke: Invoke, route: str) -> None:
    invoke("api", "put_schedule")

    def as_stranger(event: dict[str, Any]) -> None:
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = "mallory"

    answer = invoke("api", route, as_stranger)
    assert answer["statusCode"] == 404 or document(answer)["data"] == []
    assert invoke("api", "get_schedule")["statusCode"] == 200


class TestRunSchedule:
    def test_runs_of_an_incremental_schedule_are_a_chain_until_it_is_deleted(
        self, invoke: Invoke, product: Product
    ) -> None:
        def fire(at: str) -> ExportJob:
            invoke("schedule", "run_schedule", lambda event: event.update(scheduled_at=at))
            last = document(invoke("api", "get_schedule"))["data"]["attributes"]["last_export"]
            return product.jobs.get(TENANT, last)

        product.contacts = [record("ada")]
        invoke("api", "put_schedule", asking(incremental=True, options={"format": "tar"}))
        first = fire("2026-03-02T02:00:00Z")
        for batch in product.plan(first):
            product.read(first, batch)
        product.plan_parts(first)
        product.pack(first)
        product.finish(first)

        second = fire("2026-03-03T02:00:00Z")
        product.clock.advance(days=1)
        invoke("api", "delete_schedule")
        invoke("api", "put_schedule", asking(incremental=True))
        third = fire("2026-03-04T02:00:00Z")

        parents = [job.chain.parent_export for job in (first, second, third) if job.chain]
        assert parents == ["", first.id, ""]
        assert not [key for key in product.archives.objects if key.startswith("chains/")]

    def test_what_passes_by_itself_is_raised_for_another_try(self, invoke: Invoke, product: Product) -> None:
        invoke("api", "put_schedule")
        product.jobs.fail_on["create"] = StorageUnavailable("DynamoDB does not answer.")
        with pytest.raises(StorageUnavailable):
            invoke("schedule", "run_schedule")
        assert product.metrics.flushes == 2

    def test_what_refuses_the_export_is_not_tried_again(self, invoke: Invoke, product: Product) -> None:
        invoke("api", "put_schedule")
        product.jobs.fail_on["create"] = CatalogError("The catalog layer is missing.")

        assert invoke("schedule", "run_schedule") == {}

        assert document(invoke("api", "get_schedule"))["data"]["attributes"]["last_result"] == "error"

    def test_the_operators_own_schedule_brings_its_options(self, invoke: Invoke, product: Product) -> None:
        def operators(event: dict[str, Any]) -> None:
            event.pop("name")
            event["options"] = {"with_doctypes": ["todos"], "format": "json"}

        invoke("schedule", "run_schedule", operators)

        (job,) = product.jobs.jobs.values()
        assert (job.tenant, job.options.with_doctypes, job.options.layout) == (TENANT, ("todos",), "plain")

    def test_options_of_the_operator_that_no_export_can_have_are_told_by_their_name(self, invoke: Invoke) -> None:
        with pytest.raises(InvalidOptions, match=r"ScheduleOptions.*part_size") as refused:
            invoke("schedule", "run_schedule", lambda event: event.update(options={"part_size": 1}))
        assert refused.value.pointer == "ScheduleOptions/part_size"

    @pytest.mark.parametrize("change", [{"scheduled_at": "<aws.scheduler.scheduled-time>"}, {"scheduled_at": None}])
    def test_what_no_schedule_of_ours_sends_is_not_taken(self, invoke: Invoke, change: dict[str, object]) -> None:
        with pytest.raises(UnforeseenError):
            invoke("schedule", "run_schedule", lambda event: event.update(change))
