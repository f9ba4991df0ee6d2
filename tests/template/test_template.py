"""What the deployed stack must be, whoever edits the template."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from waybill.domain import estimate
from waybill.entry import task
from waybill.services import estimate_export
from waybill.services.estimate_export import WORKFLOW
from waybill.services.starting_export import LONGEST_START

REPOSITORY = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (REPOSITORY / "functions").glob("*/app.py"))
IMPORTING = {
    f"{name}FunctionRole"
    for name in (
        *("DeleteImport", "StageImport", "ValidateRows", "LoadRows", "UndoRows"),
        *("FinishImport", "FinishUndo", "FailImport", "SweepImports"),
    )
}
"""Roles of imports; test_imports.py says what they may do."""

NO_NARROWER_RESOURCE = ("logs:", "xray:")


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


def of_type_of(source: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in source["Resources"].values() if each["Type"] == kind]


def statements(resources: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, statement["Fn::If"][1] if "Fn::If" in statement else statement)
        for name, role in of_type(resources, "AWS::IAM::Role").items()
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def resource_name(folder: str) -> str:
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_every_handler_is_a_function_of_the_same_name(folder: str, source: dict[str, Any]) -> None:
    assert source["Resources"][resource_name(folder)]["Properties"]["CodeUri"] == f"functions/{folder}/"


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_function_folder_holds_one_file(folder: str) -> None:
    files = [path.name for path in (REPOSITORY / "functions" / folder).iterdir() if path.name != "__pycache__"]
    assert files == ["app.py"]


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_handler_fits_on_one_screen_and_decides_nothing(folder: str) -> None:
    text = (REPOSITORY / "functions" / folder / "app.py").read_text()
    assert len(text.splitlines()) <= 45
    assert not any(line.lstrip().startswith(("if ", "for ", "while ", "try:")) for line in text.splitlines())


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_every_function_has_its_own_role_and_a_log_group_that_forgets(folder: str, resources: dict[str, Any]) -> None:
    function = resources[resource_name(folder)]["Properties"]
    group = resources[function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]

    assert function["Role"]["Fn::GetAtt"][0] == f"{resource_name(folder)}Role"
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert function["TracingConfig"] == {"Mode": "Active"}


def test_no_role_may_do_everything(resources: dict[str, Any]) -> None:
    for role, statement in statements(resources):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action], role


def test_no_role_reaches_every_resource_where_a_narrower_one_exists(resources: dict[str, Any]) -> None:
    for role, statement in statements(resources):
        if statement["Resource"] == "*":
            assert all(action.startswith(NO_NARROWER_RESOURCE) for action in statement["Action"]), role


def test_of_the_api_only_those_who_delete_exports_may_delete(resources: dict[str, Any]) -> None:
    deleting = {role for role, statement in statements(resources) if "s3:DeleteObject" in statement["Action"]}
    steps = ("plan_export", "read_chunk", "plan_parts", "pack_part", "finish_export")
    enders = ("expire_export", "sweep_exports", "settle_debts")

    who = (
        *("delete_export", "delete_qiscus_export", "delete_schedule", "put_schedule", "delete_upload"),
        "create_qiscus_import",
        *steps,
        *enders,
    )
    assert deleting - IMPORTING == {f"{resource_name(name)}Role" for name in who}


def test_what_may_be_deleted_are_exports_and_what_they_leave_for_the_next_of_their_chain(
    resources: dict[str, Any],
) -> None:
    allowed: dict[str, set[str]] = {}
    for role, statement in statements(resources):
        if "s3:DeleteObject" in statement["Action"] and role not in IMPORTING:
            resources_ = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            allowed.setdefault(role, set()).update(each["Fn::Sub"] for each in resources_)
    schedules = ("put_schedule", "delete_schedule")
    who = (*schedules, "delete_export", "expire_export", "sweep_exports", "read_chunk", "finish_export")
    chains = {f"{resource_name(name)}Role" for name in who}

    assert {role for role, where in allowed.items() if "${ArchivesBucket.Arn}/chains/*" in where} == chains
    uploads = allowed.pop(f"{resource_name('delete_upload')}Role")
    assert uploads == {"${ArchivesBucket.Arn}/uploads/*"}
    sent = allowed.pop(f"{resource_name('create_qiscus_import')}Role")
    assert sent == {"${ArchivesBucket.Arn}/imports/*/work/request-file"}
    kinds = ("exports", "chains", "debts", "imports")
    assert set().union(*allowed.values()) == {f"${{ArchivesBucket.Arn}}/{kind}/*" for kind in kinds}


def test_what_is_owed_to_other_systems_is_noted_where_it_is_taken_up_and_removed_where_it_is_given_back(
    resources: dict[str, Any],
) -> None:
    allowed = {
        role.removesuffix("FunctionRole"): set(statement["Action"])
        for role, statement in statements(resources)
        if "/debts/*" in str(statement["Resource"])
    }

    assert allowed == {
        "ReadChunk": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        "SettleDebts": {"s3:GetObject", "s3:DeleteObject"},
    }


def test_only_who_compares_reaches_what_was_left_to_compare_with(resources: dict[str, Any]) -> None:
    allowed: dict[str, set[str]] = {}
    for role, statement in statements(resources):
        if "/chains/" in str(statement["Resource"]):
            allowed.setdefault(role.removesuffix("FunctionRole"), set()).update(
                f"{action} {statement['Resource']['Fn::Sub'].partition('/')[2]}" for action in statement["Action"]
            )

    assert allowed == {
        "PlanExport": {"s3:GetObject chains/*/baseline.json"},
        "ReadChunk": {"s3:GetObject chains/*", "s3:PutObject chains/*", "s3:DeleteObject chains/*"},
        "FinishExport": {
            "s3:GetObject chains/*/baseline.json", "s3:PutObject chains/*/baseline.json", "s3:DeleteObject chains/*",
        },
        "DeleteExport": {"s3:DeleteObject chains/*"},
        "PutSchedule": {"s3:DeleteObject chains/*"},
        "DeleteSchedule": {"s3:DeleteObject chains/*"},
        "ExpireExport": {"s3:DeleteObject chains/*"},
        "SweepExports": {"s3:DeleteObject chains/*"},
    }  # fmt: skip


def test_a_request_that_starts_exports_is_over_when_another_may_start_what_it_has_not(
    source: dict[str, Any], resources: dict[str, Any]
) -> None:
    workflow = source["Resources"]["ExportWorkflow"]["Properties"]["Name"]["Fn::Sub"]
    starting = {
        role.removesuffix("Role")
        for role, statement in statements(resources)
        if "states:StartExecution" in statement["Action"] and str(statement["Resource"]).endswith(f"{workflow}'}}")
    }
    functions = of_type(resources, "AWS::Lambda::Function")
    # The workflow starts its own children, and the sweep ends nothing that it could not start.
    giving_up = starting - {"ExportWorkflow", "SweepExportsFunction"}

    assert {"CreateExportFunction", "RetryExportFunction", "RunScheduleFunction"} <= giving_up
    for name in giving_up:
        assert functions[name]["Timeout"] < LONGEST_START.total_seconds(), name


def test_of_all_functions_only_two_may_write_where_the_product_keeps_its_data(resources: dict[str, Any]) -> None:
    for role, statement in statements(resources):
        text = str(statement["Resource"])
        if ("FilesBucket" in text or "DocumentsTable" in text) and role not in IMPORTING:
            assert set(statement["Action"]) <= {"dynamodb:Query", "s3:ListBucket", "s3:GetObject"}, role


@pytest.mark.parametrize("bucket", ["FilesBucket", "ArchivesBucket"])
def test_buckets_are_private_encrypted_and_tls_only(bucket: str, resources: dict[str, Any]) -> None:
    properties = resources[bucket]["Properties"]
    policy = resources[f"{bucket}Policy"]["Properties"]["PolicyDocument"]["Statement"]

    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert any(s["Effect"] == "Deny" and s["Condition"]["Bool"] == {"aws:SecureTransport": "false"} for s in policy)


def test_archives_do_not_outlive_the_longest_export(resources: dict[str, Any]) -> None:
    rules = resources["ArchivesBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = (rule for rule in rules if rule["Prefix"] == "exports/")

    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 8)
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 7


def test_what_a_yearly_run_leaves_is_there_for_the_next_one(resources: dict[str, Any]) -> None:
    rules = resources["ArchivesBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = (rule for rule in rules if rule["Prefix"] == "chains/")

    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] > 366 + 7
    assert "TagFilters" not in rule


@pytest.mark.parametrize("table", ["JobsTable", "DocumentsTable"])
def test_tables_can_be_taken_back_in_time_and_are_encrypted(table: str, resources: dict[str, Any]) -> None:
    properties = resources[table]["Properties"]

    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"]["SSEEnabled"] is True


def test_job_records_expire(resources: dict[str, Any]) -> None:
    ttl = resources["JobsTable"]["Properties"]["TimeToLiveSpecification"]
    assert ttl == {"AttributeName": "expires_at", "Enabled": True}


def test_what_the_ttl_removes_reaches_the_function_that_expires_jobs(resources: dict[str, Any]) -> None:
    mapping = resources["ExpireExportMapping"]["Properties"]
    (pattern,) = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]

    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["JobsTable", "StreamArn"]}
    assert resources["JobsTable"]["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert pattern == {
        "eventName": ["REMOVE"],
        "userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]},
        "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "export#"}, {"prefix": "import#"}]}}},
    }


def test_a_stream_record_that_cannot_be_taken_is_tried_some_times_and_kept(resources: dict[str, Any]) -> None:
    mapping = resources["ExpireExportMapping"]["Properties"]
    queue = resources[mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]]["Properties"]

    assert (mapping["BisectBatchOnFunctionError"], mapping["FunctionResponseTypes"]) == (
        True,
        ["ReportBatchItemFailures"],
    )
    assert 0 < mapping["MaximumRetryAttempts"] <= 10
    assert mapping["MaximumRecordAgeInSeconds"] < 86_400  # so long DynamoDB keeps a record
    assert queue["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("name", ["SweepExports", "SettleDebts"])
def test_what_runs_every_hour_has_a_schedule_that_may_do_nothing_else(name: str, resources: dict[str, Any]) -> None:
    schedule = resources[f"{name}Schedule"]["Properties"]
    role = resources[schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]]["Properties"]

    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert schedule["Target"]["Arn"] == {"Fn::GetAtt": [f"{name}Function", "Arn"]}
    assert [policy["PolicyDocument"]["Statement"] for policy in role["Policies"]] == [
        [{"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": schedule["Target"]["Arn"]}]
    ]


def test_the_index_of_what_is_not_at_rest_holds_keys_alone(resources: dict[str, Any]) -> None:
    (index,) = resources["JobsTable"]["Properties"]["GlobalSecondaryIndexes"]

    assert [key["AttributeName"] for key in index["KeySchema"]] == ["is_running", "created"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


QISCUS = "/api/v2.1/rest/"


def test_every_route_but_the_public_keys_wants_a_token(resources: dict[str, Any]) -> None:
    paths = resources["HttpApi"]["Properties"]["Body"]["paths"]
    operations = {(method, path): each for path, item in paths.items() for method, each in item.items()}

    unguarded = {route for route, each in operations.items() if each["security"] == [{"NONE": []}]}

    assert len(operations) == 35
    assert all("Jwt" in each["security"][0] for route, each in operations.items() if route not in unguarded)
    assert {route for route in unguarded if not route[1].startswith(QISCUS)} == {("get", "/.well-known/waybill.pem")}


def test_the_functions_of_routes_that_the_gateway_does_not_guard_check_the_caller(source: dict[str, Any]) -> None:
    checked = {
        each["Properties"]["CodeUri"]
        for each in of_type_of(source, "AWS::Serverless::Function")
        for event in each["Properties"].get("Events", {}).values()
        if event["Properties"]["Path"].startswith(QISCUS)
    }

    assert len(checked) == 6
    for folder in checked:
        text = (REPOSITORY / folder / "app.py").read_text()
        assert re.search(
            r'@route\(scope="(exports\.(read|create|delete)|imports\.(read|create))"[^)]*dialect=QISCUS[,)]', text
        ), folder


def test_the_link_api_asks_for_no_token_and_has_two_routes_to_read(resources: dict[str, Any]) -> None:
    body = resources["LinkApi"]["Properties"]["Body"]
    operations = {
        (method, path): operation for path, item in body["paths"].items() for method, operation in item.items()
    }

    assert set(of_type(resources, "AWS::ApiGatewayV2::Api")) == {"HttpApi", "LinkApi"}
    assert set(operations) == {("get", "/move/exports/{link}"), ("get", "/move/exports/data/{link}")}
    assert not any("security" in each for each in (body, *operations.values()))
    assert "securitySchemes" not in body.get("components", {})


def test_the_link_api_has_the_paths_that_cozy_makes_of_the_others(resources: dict[str, Any]) -> None:
    paths = {name: set(resources[name]["Properties"]["Body"]["paths"]) for name in ("HttpApi", "LinkApi")}

    assert {path.replace("{link}", "{id}") for path in paths["LinkApi"]} < paths["HttpApi"]


def test_both_apis_are_throttled_each_by_itself_and_strangers_more(resources: dict[str, Any]) -> None:
    limits = {
        name: (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"])
        for name in ("HttpApi", "LinkApi")
        for settings in [resources[f"{name}ApiGatewayDefaultStage"]["Properties"]["DefaultRouteSettings"]]
    }

    assert limits["LinkApi"] < limits["HttpApi"]
    assert min(limits["LinkApi"]) > 0


@pytest.mark.parametrize("function", ["GetLinkedExportFunction", "DownloadLinkedPartFunction"])
def test_a_link_reads_single_records_and_parts_and_nothing_else(function: str, resources: dict[str, Any]) -> None:
    allowed = {
        action: statement["Resource"]
        for role, statement in statements(resources)
        for action in statement["Action"]
        if role == f"{function}Role"
    }

    parts = {"s3:GetObject": {"Fn::Sub": "${ArchivesBucket.Arn}/exports/*/parts/*"}}
    jobs = {"dynamodb:GetItem": {"Fn::GetAtt": ["JobsTable", "Arn"]}}
    assert allowed == (jobs if function == "GetLinkedExportFunction" else jobs | parts)


def test_only_functions_that_show_an_export_to_its_owner_know_where_links_are_answered(
    resources: dict[str, Any],
) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    knowing = {name for name, each in functions.items() if "LINK_API_URL" in each["Environment"]["Variables"]}

    doors = ("create_{}export", "get_{}export", "list_{}exports")
    assert knowing == {resource_name(name.format(door)) for door in ("", "qiscus_") for name in doors} | {
        "DeleteQiscusExportFunction",
        "RetryExportFunction",
    }
    assert len({str(functions[name]["Environment"]["Variables"]["LINK_API_URL"]) for name in knowing}) == 1


@pytest.mark.parametrize("name", ["HttpApi", "LinkApi"])
def test_the_api_log_holds_nothing_personal_and_no_link(name: str, source: dict[str, Any]) -> None:
    properties = source["Resources"][name]["Properties"]
    log_format = properties["AccessLogSettings"]["Format"]
    assert set(re.findall(r"\$context\.([\w.]+)", log_format)) == {
        "requestId", "routeKey", "status", "responseLatency", "error.messageString",
    }  # fmt: skip
    assert source["Resources"][f"{name}LogGroup"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_workers_have_time_and_handlers_answer_before_the_gateway_gives_up(resources: dict[str, Any]) -> None:
    timeouts = {name: f["Timeout"] for name, f in of_type(resources, "AWS::Lambda::Function").items()}

    assert {timeouts[resource_name(step)] for step in ("read_chunk", "pack_part")} == {900}
    assert {
        timeouts[resource_name(name)] for name in ("create_export", "estimate_export", "get_export", "delete_export")
    } == {29}
    assert {timeouts[resource_name(name)] for name in ("get_linked_export", "download_linked_part")} == {29}


def test_the_signing_key_signs_with_p256_and_outlives_the_stack(resources: dict[str, Any]) -> None:
    key = resources["SigningKey"]

    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert (key["Properties"]["KeySpec"], key["Properties"]["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")


def test_only_finish_export_signs_and_only_digests(resources: dict[str, Any]) -> None:
    using = {
        (role, *statement["Action"]): statement
        for role, statement in statements(resources)
        if any(action.startswith("kms:") for action in statement["Action"])
    }

    assert set(using) == {
        ("FinishExportFunctionRole", "kms:Sign"),
        ("GetPublicKeyFunctionRole", "kms:GetPublicKey"),
        ("StageImportFunctionRole", "kms:GetPublicKey"),
    }
    assert all(each["Resource"] == {"Fn::GetAtt": ["SigningKey", "Arn"]} for each in using.values())
    assert using["FinishExportFunctionRole", "kms:Sign"]["Condition"] == {
        "StringEqualsIfExists": {"kms:MessageType": "DIGEST", "kms:SigningAlgorithm": "ECDSA_SHA_256"}
    }


def test_an_estimate_reads_sources_and_the_quota_and_changes_nothing(resources: dict[str, Any]) -> None:
    may = {
        (action, str(statement["Resource"]))
        for role, statement in statements(resources)
        for action in statement["Action"]
        if role == "EstimateExportFunctionRole"
    }

    assert may == {
        ("dynamodb:GetItem", str({"Fn::GetAtt": ["JobsTable", "Arn"]})),
        ("dynamodb:Query", str({"Fn::GetAtt": ["JobsTable", "Arn"]})),
        ("dynamodb:Query", str({"Fn::GetAtt": ["DocumentsTable", "Arn"]})),
        ("dynamodb:Query", str({"Ref": "SourceTableArns"})),
        ("s3:ListBucket", str({"Fn::GetAtt": ["FilesBucket", "Arn"]})),
        ("s3:ListBucket", str({"Ref": "SourceBucketArns"})),
        ("secretsmanager:GetSecretValue", str({"Ref": "SourceSecretArns"})),
    }


def test_secrets_of_sources_are_read_by_what_reads_sources_alone(resources: dict[str, Any]) -> None:
    readers = {
        role: statement["Resource"]
        for role, statement in statements(resources)
        if "secretsmanager:GetSecretValue" in statement["Action"]
    }

    names = ("PlanExport", "ReadChunk", "EstimateExport", "SettleDebts")
    assert set(readers) == {f"{name}FunctionRole" for name in names}
    assert all(resource == {"Ref": "SourceSecretArns"} for resource in readers.values())


def test_an_estimate_reckons_with_the_steps_as_they_are_deployed(resources: dict[str, Any]) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    workers = [functions[resource_name(step)] for step in ("read_chunk", "pack_part")]
    states = json.loads((REPOSITORY / "functions" / "export_workflow" / "definition.asl.json").read_text())["States"]

    assert {worker["MemorySize"] for worker in workers} == {estimate.WORKER_GIBIBYTES * 1024}
    assert {worker["Timeout"] for worker in workers} == {WORKFLOW.step_seconds + task.RESERVE_MS // 1000}
    assert {states[name]["MaxConcurrency"] for name in ("ReadShards", "PackParts")} == {WORKFLOW.side_by_side}
    assert len(states) - len({"FailExport", "ExportFailed", "WaitForSources"}) == estimate.STATES
    assert functions["EstimateExportFunction"]["Timeout"] / 2 > estimate_export.MOST_SECONDS


def test_what_could_not_be_handled_is_kept_encrypted_and_given_out_over_tls_alone(source: dict[str, Any]) -> None:
    resources = source["Resources"]
    queues = {name: each for name, each in resources.items() if each["Type"] == "AWS::SQS::Queue"}
    policies = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::SQS::QueuePolicy"]
    tls_only = {
        policy["Queues"][0]["Ref"]
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}} and statement["Effect"] == "Deny"
    }

    assert all(each["Properties"]["SqsManagedSseEnabled"] is True for each in queues.values())
    assert tls_only == set(queues)
