"""The docs say what the code does: what can be listed from the code must stand in the page that lists it."""

import ast
import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate
from samtranslator.yaml_helper import yaml_parse

from waybill.archive import bag, copying, part, paths, plan_record_files
from waybill.archive import errors as archive_errors
from waybill.archive import plan_parts as plan_archive
from waybill.domain import cursor, errors, keys, options, waiting
from waybill.domain.errors import ExportGone
from waybill.domain.estimate import Amount, Estimate, Limit, Plan, forecast
from waybill.domain.job import ExportJob, ExportState, lost_export, new_export
from waybill.domain.ledger import Count, Gap, Outcome
from waybill.domain.manifest import MOST_LISTED_GAPS, GapList, Ledger, build_manifest
from waybill.domain.options import ExportOptions
from waybill.domain.plan import PackedPart, PartsHeader
from waybill.domain.progress import Progress
from waybill.domain.qiscus import PAGE_SIZE, RESOURCES, qiscus_options
from waybill.domain.receipt import Reason, Receipt
from waybill.entry import (
    catalog_file,
    export_receipt,
    export_request,
    form_body,
    http,
    problem,
    qiscus_document,
    qiscus_request,
    task,
)
from waybill.entry.estimate_document import estimate_document
from waybill.entry.export_document import export_document, linked_export_document
from waybill.entry.export_list import PARAMETERS, export_list
from waybill.entry.export_receipt import receipt_document
from waybill.entry.http import MAX_BODY, Request
from waybill.ports import JobPage
from waybill.services import (
    estimate_export,
    export_staging,
    fetch_ahead,
    part_upload,
    parts_plan,
    plan_export,
    plan_parts,
    read_chunk,
    settle_debts,
    sweep_exports,
)
from waybill.services.estimate_export import WORKFLOW
from waybill.services.list_exports import MAX_PAGE_SIZE
from waybill.sources import attribute_json, measuring
from waybill.sources.uforge import tickets as uforge_tickets

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PACKAGE = REPOSITORY / "layers" / "waybill" / "python" / "waybill"
PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *DOCS.glob("*.md")])
NOW = datetime(2026, 11, 24, 12, 30, 4, 226968, UTC)
LINKS = "https://links.invalid"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows."""
    return [re.split(r"(?<!\\)\|", line.strip("|\n")) for line in text.splitlines() if line.startswith("|")]


def words(text: str) -> set[str]:
    """Everything that stands between backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def listed(text: str) -> set[str]:
    """Everything that stands between backticks in the first cell of a table row."""
    return {word for row in rows(text) for word in words(row[0])}


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its rank or above."""
    begin = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert begin is not None, heading
    rest = text[begin.end() :]
    end = re.search(rf"^#{{1,{len(begin[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def missing(names: Iterable[str], documented: Iterable[str]) -> set[str]:
    found = set(names)
    assert found, "There is nothing to look for, so this check would say nothing."
    return found - set(documented)


def test_a_name_that_no_page_has_is_missed() -> None:
    assert missing({"state", "made_up"}, listed(page("api.md"))) == {"made_up"}


def test_a_check_of_nothing_is_no_check() -> None:
    with pytest.raises(AssertionError, match="nothing to look for"):
        missing([], ["anything"])


# ---------------------------------------------------------------- What the code has


def template() -> dict[str, Any]:
    return dict(yaml_parse((REPOSITORY / "template.yaml").read_text(encoding="utf-8")))


def functions() -> dict[str, dict[str, Any]]:
    resources = template()["Resources"].items()
    return {name: each["Properties"] for name, each in resources if each["Type"] == "AWS::Serverless::Function"}


APIS = {"HttpApi": "openapi.yaml", "LinkApi": "openapi-links.yaml"}
"""The description of each API of the template."""


def routes(*apis: str) -> set[tuple[str, str]]:
    """Method and path of every route of these APIs, of all if none is named."""
    events = [event["Properties"] for each in functions().values() for event in each.get("Events", {}).values()]
    wanted = [event for event in events if event["ApiId"]["Ref"] in (apis or APIS)]
    return {(event["Method"].lower(), event["Path"]) for event in wanted}


def trees(*folders: str) -> Iterator[ast.AST]:
    for folder in folders:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def calls(name: str, *folders: str) -> Iterator[ast.Call]:
    for tree in trees(*folders):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == name:
                yield node


def texts(nodes: Iterable[ast.AST]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def domain_errors() -> dict[type[errors.WaybillError], str]:
    modules = (errors, archive_errors)
    found = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    return {each: each.code for each in found if issubclass(each, errors.WaybillError)}


def answered_errors() -> set[tuple[str, str]]:
    """Status and code of every error that a caller may get."""
    from_services = {(str(int(status)), error.code) for error, status in problem._STATUS.items()}
    from_entry = set()
    for call in calls("Problem", "entry"):
        status, code = call.args[0], call.args[1]
        if isinstance(code, ast.Constant):  # the one that is none passes on what a service raised
            assert isinstance(status, ast.Attribute)
            number = int(getattr(HTTPStatus, status.attr))
            from_entry.add((str(number), str(code.value)))
    return from_services | from_entry


def gap_codes() -> set[str]:
    found = [text for call in calls("_gap", "sources", "archive", "services") for text in texts(call.args)]
    return {text for text in found if re.fullmatch(r"[a-z]+(_[a-z]+)+", text)} | set(part._REASONS)


def job(**changes: Any) -> ExportJob:
    return dataclasses.replace(new_export("ada", ExportOptions(with_doctypes=("io.cozy.files",)), NOW), **changes)


def documents() -> list[dict[str, Any]]:
    """An export in every shape that it is shown in."""
    done = job(state=ExportState.DONE, parts=2, total_size=9, creation_duration=1, gaps=1, rev=2)
    return [
        export_document(job(), Progress(1, 2, 3), link_api_url=LINKS),
        export_document(done, link_api_url=LINKS),
        export_document(job(state=ExportState.ERROR, error="It failed.", rev=2), link_api_url=LINKS),
        export_document(linked_job(), link_api_url=LINKS),
        linked_export_document(linked_job()),
    ]


def linked_job() -> ExportJob:
    """An export of two parts that has a capability link."""
    job = new_export("ada", ExportOptions(format="zip", layout="cozy"), NOW)
    return job.finished(NOW, parts=2, total_size=9, gaps=0, part_names=("io.cozy.files/1",))


def manifest() -> dict[str, Any]:
    gap = Gap("io.cozy.files", "file", "1", Outcome.FAILED, "file_missing", "It is gone.")
    packed = PackedPart(1, "waybill-part-00001-of-00001.tar.gz", 9, "0" * 64, "0" * 8, 1, 1, "0" * 64, {}, {}, (gap,))
    ledger = Ledger({"io.cozy.files": Count(1, 1)}, {"io.cozy.files": Count(1, 0, 0, 1)}, GapList([gap]))
    made = build_manifest(job(), PartsHeader("0" * 32, 1, 1), [packed], ledger)
    return dict(json.loads(json.dumps(made)))


def all_keys(value: object, *, but: frozenset[str] = frozenset()) -> set[str]:
    """The member names in a document, without those that are data."""
    if isinstance(value, dict):
        return (set(value) - but) | {key for each in value.values() for key in all_keys(each, but=but)}
    if isinstance(value, list):
        return {key for each in value for key in all_keys(each, but=but)}
    return set()


# ---------------------------------------------------------------- api.md


def test_every_route_is_in_the_api_page_and_no_other() -> None:
    described = {word for word in listed(section(page("api.md"), "Routes")) if " /" in word}
    assert described == {f"{method.upper()} {path}" for method, path in routes()}


def test_every_scope_is_in_the_api_page_and_the_security_page() -> None:
    scopes = set(re.findall(r'@route\(scope="([\w.]+)"', functions_text()))
    assert not missing(scopes, words(section(page("api.md"), "Routes")))
    assert not missing(scopes, listed(section(page("security.md"), "Tokens and scopes")))


def test_routes_without_a_token_are_said_to_have_none() -> None:
    table = rows(section(page("api.md"), "Routes"))
    public = {word for row in table if row[1].strip() == "none" for word in words(row[0])}
    openapi = description("openapi.yaml")["paths"]
    opened = {(method, path) for method, path in routes("HttpApi") if openapi[path][method].get("security") == []}
    assert description(APIS["LinkApi"])["security"] == []
    assert public == {f"{method.upper()} {path}" for method, path in opened | routes("LinkApi")}


def functions_text() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "functions").glob("*/app.py"))


def test_every_query_parameter_is_in_the_api_page() -> None:
    text = page("api.md")
    assert all(f"{name}=" in text for name in [*PARAMETERS, *export_receipt.PARAMETERS, "cursor"])


def test_every_attribute_of_a_request_is_in_the_api_page_and_no_other() -> None:
    described = listed(section(page("api.md"), "Creating an export"))
    assert described == set(export_request._Attributes.model_fields)


def test_every_field_of_an_export_is_in_the_api_page() -> None:
    described = listed(section(page("api.md"), "The export document"))
    for document in documents():
        resource = document["data"]
        assert not missing(resource["attributes"], described)
        assert not missing({f"meta.{name}" for name in resource["meta"]}, described)
        assert not missing({f"links.{name}" for name in resource["links"]}, described)


def estimates() -> list[dict[str, Any]]:
    """An estimate with a limit, and one without."""
    made = [
        Estimate(
            id="1",
            options=ExportOptions(),
            amounts={"io.cozy.files": Amount(1, 2, 3, 4, 5)},
            counted=frozenset(),
            plan=Plan(1, 1),
            forecast=forecast(Amount(), Plan(1, 1), WORKFLOW),
            storage_days=7,
            limits=limits,
        )
        for limits in ([], [Limit("expires_too_soon", "It is too late.")])
    ]
    return [estimate_document(each) for each in made]


def test_every_field_of_an_estimate_is_in_the_api_page_and_no_other() -> None:
    fields = estimates()[0]["data"]["attributes"]
    described = listed(section(page("api.md"), "Estimating")) - limit_codes()
    assert described == {"id", *fields}


def limit_codes() -> set[str]:
    return {str(text) for call in calls("Limit", "services") for text in texts(call.args[:1])}


def test_every_limit_that_an_estimate_names_is_described(openapi: dict[str, Any]) -> None:
    assert len(limit_codes()) > 3
    assert not missing(limit_codes(), listed(section(page("api.md"), "Estimating")))
    limits = openapi["components"]["schemas"]["EstimateAttributes"]["properties"]["limits"]
    assert set(limits["items"]["properties"]["code"]["enum"]) == limit_codes()


def test_estimates_are_as_the_openapi_description_says(checker: Callable[[str, object], list[str]]) -> None:
    for document in estimates():
        assert checker("EstimateDocument", document) == []


def receipts() -> list[dict[str, Any]]:
    """A receipt of every kind."""
    tombstones = [job().deleted(NOW), job(state=ExportState.DONE).deleted(NOW + timedelta(days=8))]
    return [receipt_document(each) for each in (*tombstones, lost_export("ada", job().id, NOW))]


def test_every_field_of_a_receipt_is_in_the_api_page_and_no_other() -> None:
    described = listed(section(page("api.md"), "Deleting"))
    for document in receipts():
        assert described == set(document["meta"])


def test_every_state_that_is_shown_is_in_the_api_page() -> None:
    shown = {state.value for state in ExportState if state is not ExportState.DELETED}
    assert not missing(shown, listed(section(page("api.md"), "The export document")))


def test_the_errors_that_callers_get_are_those_in_the_api_page() -> None:
    table = rows(section(page("api.md"), "Errors"))
    described = {(row[0].strip(), *words(row[1])) for row in table if row[0].strip().isdigit()}
    assert described == answered_errors()


def test_every_other_error_code_is_in_the_api_page() -> None:
    assert not missing(domain_errors().values(), words(section(page("api.md"), "Errors")))


def test_the_gap_codes_are_those_in_the_api_page() -> None:
    described = {word for row in rows(section(page("api.md"), "Gap codes")) for word in words(row[0])}
    assert len(gap_codes()) > 5
    assert described == gap_codes()


# ---------------------------------------------------------------- openapi.yaml


def description(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load(page(name)))


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return description("openapi.yaml")


@pytest.fixture(scope="module")
def checker(openapi: dict[str, Any]) -> Callable[[str, object], list[str]]:
    """What is wrong with a document, held against one of the description's schemas."""

    def check(name: str, document: object) -> list[str]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]

    return check


@pytest.mark.parametrize("name", APIS.values())
def test_the_openapi_description_is_valid(name: str) -> None:
    validate(description(name), base_uri=(DOCS / name).as_uri())


def test_a_reference_from_one_description_into_nothing_of_the_other_is_noticed() -> None:
    name = APIS["LinkApi"]
    text = page(name).replace("openapi.yaml#/components/responses/Refused", "openapi.yaml#/components/responses/None")
    with pytest.raises(Exception, match="None"):
        validate(yaml.safe_load(text), base_uri=(DOCS / name).as_uri())


@pytest.mark.parametrize(("api", "name"), APIS.items())
def test_the_openapi_description_has_the_routes_of_the_template(api: str, name: str) -> None:
    paths = description(name)["paths"].items()
    assert {(method, path) for path, item in paths for method in item if method != "parameters"} == routes(api)


def test_an_operation_is_named_as_its_function() -> None:
    for name, each in functions().items():
        for event in (event["Properties"] for event in each.get("Events", {}).values()):
            paths = description(APIS[event["ApiId"]["Ref"]])["paths"]
            operation = paths[event["Path"]][event["Method"].lower()]
            assert f"functions/{operation['operationId']}/" == each["CodeUri"], name


def test_the_link_in_its_description_has_the_form_of_a_link() -> None:
    schema = description(APIS["LinkApi"])["components"]["parameters"]["Link"]["schema"]
    assert re.fullmatch(schema["pattern"], linked_job().link or "")


def test_the_openapi_description_has_the_attributes_of_a_request(openapi: dict[str, Any]) -> None:
    described = openapi["components"]["schemas"]["ExportOptions"]["properties"]
    fields = export_request._Attributes.model_json_schema()["properties"]
    assert set(described) == set(fields)
    for name in ("parts_size", "max_age"):
        assert described[name]["default"] == fields[name]["default"]
        assert described[name]["maximum"] == fields[name]["maximum"]
        assert described[name]["minimum"] == fields[name].get("minimum", fields[name].get("exclusiveMinimum", 0) + 1)


def test_exports_are_as_the_openapi_description_says(checker: Callable[[str, object], list[str]]) -> None:
    for document in documents():
        assert checker("ExportDocument", document) == []
    assert checker("ExportList", export_list(JobPage([job()], None), 20, link_api_url=LINKS)) == []


def test_receipts_are_as_the_openapi_description_says(checker: Callable[[str, object], list[str]]) -> None:
    for document in receipts():
        assert checker("ReceiptDocument", document) == []
        gone = refusal(ExportGone("Gone.", Receipt(NOW, Reason.EXPIRED, None)))
        assert gone["errors"][0]["meta"]["reason"] == "expired"
        assert checker("Errors", gone) == []
        document["meta"]["made_up"] = 1
        assert checker("ReceiptDocument", document)


def refusal(error: errors.WaybillError) -> dict[str, Any]:
    """What a caller gets for an error that a service raises."""
    return dict(http.refusal([problem.of_error(error)]).document or {})


def test_an_export_with_another_field_is_not_as_described(checker: Callable[[str, object], list[str]]) -> None:
    document = documents()[0]
    document["data"]["attributes"]["made_up"] = 1
    assert checker("ExportDocument", document)


def test_a_manifest_is_as_the_openapi_description_says(checker: Callable[[str, object], list[str]]) -> None:
    assert checker("Manifest", manifest()) == []


def test_the_openapi_description_has_every_error_and_gap_code(openapi: dict[str, Any]) -> None:
    schemas = openapi["components"]["schemas"]
    described = schemas["Errors"]["properties"]["errors"]["items"]["properties"]["code"]["enum"]
    assert set(described) == {code for _, code in answered_errors()}
    assert set(schemas["Manifest"]["properties"]["gaps"]["items"]["properties"]["code"]["enum"]) == gap_codes()


# ---------------------------------------------------------------- qiscus.md


def backups() -> list[dict[str, Any]]:
    """An export as the Qiscus dialect shows it, in every state."""
    request = cast("Request", SimpleNamespace(time_zone="Asia/Jakarta", host="api.invalid", wiring=SETTINGS))
    running = new_export("ada", qiscus_options("comments", None, None, "UTC"), NOW, with_link=True)
    done = running.finished(NOW, parts=1, total_size=9, gaps=1, records=2)
    shown = [(running, Progress(1, 2, 3)), (done, None), (running.failed(NOW, "It failed."), None)]
    return [qiscus_document.backup(each, request) for each in shown]


SETTINGS = SimpleNamespace(settings=SimpleNamespace(link_api_url=LINKS))


def test_every_field_and_status_is_in_the_qiscus_page() -> None:
    text = section(page("qiscus.md"), "Answers")
    assert listed(text) == set(backups()[0])
    assert not missing({each["status"] for each in backups()}, words(text))


def test_every_field_of_a_request_is_in_the_qiscus_page() -> None:
    fields = {*qiscus_request.FIELDS, *qiscus_request.PAGE}
    assert not missing(fields, words(section(page("qiscus.md"), "Requests")))
    assert not missing(RESOURCES, words(section(page("qiscus.md"), "Requests")))


def test_every_option_of_the_command_is_in_the_qiscus_page() -> None:
    text = (REPOSITORY / "client" / "api_keys.py").read_text(encoding="utf-8")
    options = set(re.findall(r'add_argument\("(--[a-z-]+)"', text)) - {"--table"}
    assert listed(section(page("qiscus.md"), "API keys")) == options


def test_backups_are_as_the_openapi_description_says(checker: Callable[[str, object], list[str]]) -> None:
    for each in backups():
        assert checker("QiscusCreated", {"results": each, "status": 200}) == []
        assert checker("QiscusOne", {"results": {"backup_history": each}, "status": 200}) == []
        assert checker("QiscusList", {"results": {"backup_histories": [each]}, "status": 200}) == []
    assert checker("QiscusCreated", {"results": backups()[0] | {"made_up": 1}, "status": 200})


# ---------------------------------------------------------------- operations.md


def test_every_parameter_and_output_is_in_the_operations_page() -> None:
    text = page("operations.md")
    assert listed(section(text, "Parameters")) == set(template()["Parameters"])
    assert not missing(template()["Outputs"], words(section(text, "Outputs")))


def settings_variables() -> set[str]:
    """The names that settings.py reads, and those that it puts together of a prefix and a service."""
    tree = ast.parse((PACKAGE / "entry" / "settings.py").read_text(encoding="utf-8"))
    found = {text for text in texts(ast.walk(tree)) if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", text)}
    services = {text for node in ast.walk(tree) if isinstance(node, ast.Call) for text in endpoint_of(node)}
    return (found - services) | {f"AWS_ENDPOINT_URL_{service}" for service in services}


def endpoint_of(call: ast.Call) -> list[str]:
    return texts(call.args) if getattr(call.func, "id", "") == "endpoint" else []


def test_the_variables_that_the_settings_read_are_found() -> None:
    assert {"JOBS_TABLE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} <= settings_variables()


def test_every_environment_variable_is_in_the_operations_page() -> None:
    given = set(template()["Globals"]["Function"]["Environment"]["Variables"])
    for each in functions().values():
        given |= set(each.get("Environment", {}).get("Variables", {}))
    described = listed(section(page("operations.md"), "Settings of the functions"))
    assert not missing(settings_variables() | given, described)


def test_every_metric_is_in_the_operations_page_with_its_unit() -> None:
    described = {(*words(row[0]), row[1].strip()) for row in rows(section(page("operations.md"), "Watch"))}
    counted = [texts(call.args) for call in calls("count", "services")]
    assert counted
    assert not missing({" ".join([name, *unit] if unit else [name, "Count"]) for name, *unit in counted},
                       {" ".join(each) for each in described})  # fmt: skip


def test_every_make_target_is_in_the_readme_or_the_operations_page() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = {f"make {name}" for name in re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)}
    assert not missing(targets, words(page("operations.md")) | words((REPOSITORY / "README.md").read_text()))


# ---------------------------------------------------------------- security.md


def test_every_function_is_in_the_security_page_with_what_it_may_do() -> None:
    described = {row[0].strip(): words(row[1]) for row in rows(section(page("security.md"), "Roles"))}
    for name, each in functions().items():
        statements = [
            statement["Fn::If"][1] if "Fn::If" in statement else statement
            for policy in each["Policies"]
            for statement in policy["Statement"]
        ]
        may = {action for statement in statements for action in statement["Action"]}
        assert {word for word in described[name.removesuffix("Function")] if ":" in word} == may, name


# ---------------------------------------------------------------- catalog.md


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("Doctypes", catalog_file._Doctype),
        ("Sources of kind `dynamodb`", catalog_file._Table),
        ("Sources of kind `s3_files`", catalog_file._Files),
    ],
)
def test_every_field_of_the_catalog_is_in_the_catalog_page(heading: str, model: Any) -> None:
    names = {field.name for field in msgspec.structs.fields(model)} | {model.__struct_config__.tag_field or ""} - {""}
    assert listed(section(page("catalog.md"), heading)) >= names


def test_the_examples_in_the_catalog_page_are_a_catalog(tmp_path: Path) -> None:
    shipped = yaml.safe_load((REPOSITORY / "layers" / "catalog" / "catalog.yaml").read_text(encoding="utf-8"))
    examples = re.findall(r"```yaml\n(.*?)```", page("catalog.md"), re.DOTALL)
    catalog: dict[str, Any] = {"sources": {"documents": shipped["sources"]["documents"]}, "doctypes": {}}
    for example in map(yaml.safe_load, examples):
        for name, each in example.items():
            catalog[name] |= each
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump(catalog))
    (tmp_path / "schemas").mkdir()
    for doctype in catalog["doctypes"]:
        (tmp_path / "schemas" / f"{doctype}.json").write_text("{}")

    loaded = catalog_file.load_catalog(tmp_path, {"DOCUMENTS_TABLE": "documents", "FILES_BUCKET": "files"})

    assert {"shop.orders", "io.cozy.settings"} <= set(loaded.doctypes)


def test_the_item_in_the_catalog_page_is_the_line_in_the_catalog_page() -> None:
    item, line = re.findall(r"```json\n(.*?)```", page("catalog.md"), re.DOTALL)
    orders = next(
        yaml.safe_load(each)
        for each in re.findall(r"```yaml\n(.*?)```", page("catalog.md"), re.DOTALL)
        if "shop" in each
    )
    made = attribute_json.one_line(json.loads(item), orders["doctypes"]["shop.orders"]["leave_out"])
    assert made.decode() == line.strip()


def test_every_attribute_type_is_in_the_catalog_page() -> None:
    described = words(section(page("catalog.md"), "Sources of kind `dynamodb`"))
    assert not missing({"S", *attribute_json._CONVERTERS}, described)


def test_every_shipped_schema_is_valid() -> None:
    schemas = sorted((REPOSITORY / "layers" / "catalog" / "schemas").glob("*.json"))
    assert schemas
    for schema in schemas:
        Draft202012Validator.check_schema(json.loads(schema.read_text(encoding="utf-8")))


# ---------------------------------------------------------------- limits.md


@pytest.mark.parametrize(
    ("limit", "values"),
    [
        ("body", [MAX_BODY]),
        ("`parts_size`", [options.MIN_PARTS_SIZE]),
        ("`page[size]`", [MAX_PAGE_SIZE]),
        ("exports on a `page` of the Qiscus routes", [PAGE_SIZE]),
        ("fields of a form", [form_body.MOST_FIELDS]),
        ("shards of a doctype", [catalog_file.MAX_SHARDS]),
        ("time of a step", [task.RESERVE_MS // 1000]),
        ("first round of reading", [plan_export.FIRST_ROUND_SECONDS, plan_export.SHARDS_PER_BATCH]),
        ("record file", [plan_archive.MOST_ENTRY_BYTES // options.MEBIBYTE, read_chunk.MOST_ITEMS_PER_ENTRY]),
        ("segment", [read_chunk.SEGMENT_SIZE // options.MEBIBYTE]),
        ("parts of an export", [plan_parts.MOST_PARTS]),
        ("entries of a part", [plan_archive.MAX_ENTRIES_PER_PART]),
        ("records of an export, layout `cozy`", [parts_plan.MOST_DOCUMENTS]),
        ("columns of a doctype, format `csv`", [plan_record_files.MOST_COLUMNS]),
        ("parts that one worker packs", [plan_parts.BATCH_PARTS, plan_parts.BATCH_BYTES // options.GIBIBYTE]),
        ("pieces of one part", [part_upload.MOST_PIECES, part_upload.PIECE // options.MEBIBYTE]),
        ("files that the store copies", [copying.LEAST_COPIED // options.MEBIBYTE]),
        ("files fetched ahead", [fetch_ahead.MOST_IN_FLIGHT, fetch_ahead.SMALL // options.MEBIBYTE]),
        ("name, path", [paths.MOST_COMPONENT_BYTES, paths.MOST_PATH_BYTES]),
        ("gaps by name", [MOST_LISTED_GAPS]),
        ("names of parts, layout `cozy`", [cursor.MOST_NAME_BYTES]),
        (
            "pages that an estimate counts",
            [estimate_export.MOST_PAGES, estimate_export.MOST_PAGES_OF_ONE, measuring.LISTED],
        ),
        ("samples of an estimate", [measuring.SAMPLES, measuring.SAMPLE_RECORDS]),
        ("time of an estimate", [estimate_export.MOST_SECONDS]),
        (
            "export without an execution, or whose execution has ended",
            [sweep_exports.STUCK_AFTER // timedelta(minutes=1)],
        ),
        ("objects that nobody knows", [sweep_exports.UNKNOWN_AFTER // timedelta(hours=1)]),
        ("exports that a sweep cannot put in order", [sweep_exports.MOST_TROUBLES]),
        ("pause for a source that is not ready", [waiting.LONGEST_PAUSE // timedelta(minutes=1)]),
        ("content that a source fetches", [export_staging.PIECE * part_upload.MOST_PIECES // options.GIBIBYTE]),
        ("tries for the archive of an object in UForge", [uforge_tickets.MOST_FAILURES]),
        ("debts that cannot be settled", [settle_debts.MOST_TROUBLES]),
    ],
)
def test_a_limit_is_in_the_limits_page_as_it_is_in_the_code(limit: str, values: list[int]) -> None:
    (value,) = [row[1] for row in rows(page("limits.md")) if row[0].strip() == limit]
    assert not missing({f"{each:,}" for each in values}, re.findall(r"\d+(?:,\d{3})*", value))


# ---------------------------------------------------------------- manifest.md and architecture.md


def test_every_field_of_the_manifest_is_in_the_manifest_page() -> None:
    fields = all_keys(manifest(), but=frozenset({"io.cozy.files"}))
    assert {"entry_list_sha256", "gaps_not_listed", "outcome"} <= fields
    assert not missing(fields, words(page("manifest.md")))


def test_every_label_and_file_of_a_bag_is_in_the_manifest_page() -> None:
    text = page("manifest.md")
    files = dict(bag.Bag(1, 1, "0" * 32).tag_files())
    labels = {line.partition(":")[0] for line in files["bag-info.txt"].decode().splitlines()}
    assert not missing(labels, listed(section(text, "A part")))
    assert all(f"    {name}" in text for name in files)


def test_every_key_of_the_bucket_is_in_the_architecture_page() -> None:
    numbers = {
        "part": (1, "tar.gz"),
        "signature": ("{digest}",),
        "pack_batch": (0,),
        "staged": (0, 0),
        "segment": (0, 0),
        "section": (1, 1),
        "planned_segment": (0,),
        "packing": (1,),
        "packed_part": (1,),
        "baseline": ("{key}",),
        "baseline_rows": ("{key}", 0, 0),
        "kept": ("{name}",),
        "note": ("{name}",),
        "waiting_shard": (0,),
        "debt": ("{doctype}", "{name}"),
    }
    prefixes = {"prefix", "export_of", "work", "shard", "packed", "chain", "chain_of", "baselines_of"}
    prefixes |= {"debtor_of", "kept_contents", "waiting_shards", "debts", "debts_of"}
    made = {
        make("{id}", *numbers.get(name, ()))
        for name, make in vars(keys).items()
        if callable(make) and name not in prefixes
    }
    assert listed(section(page("architecture.md"), "Objects in the archives bucket")) == made


# ---------------------------------------------------------------- All pages


def test_the_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) < 120


def test_the_readme_names_its_two_commands_on_its_first_screen() -> None:
    first_screen = "\n".join((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()[:24])
    assert "make demo" in first_screen
    assert "make test" in first_screen


def broken_links(path: Path, text: str) -> list[str]:
    """Relative links that lead to no file, or to no heading in it."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, heading = target.partition("#")
        if "://" in target:
            continue
        file = (path.parent / name) if name else path
        if not file.exists() or (heading and heading not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


def anchors(text: str) -> set[str]:
    """The names under which headings can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert broken_links(path, path.read_text(encoding="utf-8")) == []


def test_a_link_into_nowhere_is_noticed() -> None:
    text = "[a](docs/nowhere.md) [b](docs/api.md#no-such-heading) [c](docs/api.md#gap-codes)"
    assert broken_links(REPOSITORY / "README.md", text) == ["docs/nowhere.md", "docs/api.md#no-such-heading"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_nothing_of_one_machine_and_nothing_left_to_do(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"TODO|FIXME|TBD", text)
    assert str(REPOSITORY) not in text
    assert not re.search(r"(?<![\w.])/(?:home|root|tmp|Users)/", text)
