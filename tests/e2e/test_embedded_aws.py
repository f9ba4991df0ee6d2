"""The engine's patches: each closes a gap that the stock engine has. If a newer engine closes one, its test says so."""

import base64
import io
import json
import subprocess
import time
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local import engine_process, venvs, web
from local.aws import Aws
from local.engine_process import Engine
from local.paths import ROOT

pytestmark = pytest.mark.e2e

_FUNCTION = """
import importlib, os
class ShelfIsEmpty(Exception):
    pass
def handler(event, context):
    if event.get("raise"):
        raise ShelfIsEmpty("no books")
    if event.get("die"):
        os._exit(1)
    if event.get("import"):
        return importlib.import_module(event["import"]).__name__
    return {"statusCode": 200, "body": event["rawPath"]}
"""

_AT = '{"at": "<aws.scheduler.scheduled-time>"}'


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from _engine(tmp_path_factory.mktemp("stock"), stock=True)


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from _engine(tmp_path_factory.mktemp("patched"), stock=False)


def _engine(state: Path, *, stock: bool) -> Iterator[Engine]:
    try:
        engine = engine_process.start(state, stock=stock)
        _make_function(engine)
        yield engine
    finally:
        engine_process.stop(state)


def _make_function(engine: Engine) -> None:
    aws = Aws(engine.endpoint_url)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = aws.iam.create_role(RoleName="probe", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", _FUNCTION)
    aws.functions.create_function(
        FunctionName="probe", Runtime="python3.13", Role=role, Handler="app.handler", Code={"ZipFile": code.getvalue()}
    )


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _invoke(engine: Engine, event: dict[str, Any]) -> Any:
    answer = Aws(engine.endpoint_url).functions.invoke(FunctionName="probe", Payload=json.dumps(event).encode())
    return json.loads(answer["Payload"].read())


def test_failed_function_is_reported_by_the_name_of_its_exception(stock: Engine, patched: Engine) -> None:
    assert _invoke(stock, {"raise": True})["errorType"] == "Runtime.HandlerError"
    failure = _invoke(patched, {"raise": True})
    assert failure["errorType"] == "ShelfIsEmpty"
    assert failure["errorMessage"] == "no books"
    assert any("raise ShelfIsEmpty" in line for line in failure["stackTrace"])


def test_worker_that_dies_is_reported_as_on_lambda(stock: Engine, patched: Engine) -> None:
    assert _invoke(stock, {"die": True})["errorType"] == "Runtime.HandlerError"
    assert _invoke(patched, {"die": True})["errorType"] == "Runtime.ExitError"
    assert _invoke(patched, {"rawPath": "/next"})["body"] == "/next"


def test_workflow_catches_an_exception_by_its_name(stock: Engine, patched: Engine) -> None:
    assert _run_workflow(stock) == "States.ALL"
    assert _run_workflow(patched) == "ShelfIsEmpty"


def _run_workflow(engine: Engine) -> str:
    """Run a state machine whose one task fails; return by which name its Catch took the error."""
    catch = [{"ErrorEquals": [name], "Next": name.replace(".", "")} for name in ("ShelfIsEmpty", "States.ALL")]
    arn = "arn:aws:lambda:us-east-1:000000000000:function:probe"
    states: dict[str, Any] = {"Fails": {"Type": "Task", "Resource": arn, "Catch": catch, "End": True}}
    for name in ("ShelfIsEmpty", "States.ALL"):
        states[name.replace(".", "")] = {"Type": "Pass", "Result": name, "End": True}
    aws = Aws(engine.endpoint_url)
    service = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = aws.iam.create_role(RoleName="workflow", AssumeRolePolicyDocument=_policy(service))["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    aws.iam.put_role_policy(RoleName="workflow", PolicyName="invoke", PolicyDocument=_policy(allow))
    definition = json.dumps({"StartAt": "Fails", "States": states})
    client = aws.stepfunctions
    machine = client.create_state_machine(name="catches", definition=definition, roleArn=role)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input='{"raise": true}')["executionArn"]
    deadline = time.monotonic() + 20
    while (state := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return str(json.loads(state["output"]))


def test_http_api_takes_its_routes_from_its_body(stock: Engine, patched: Engine) -> None:
    for engine in (stock, patched):
        _deploy_api(engine, "probe")
    assert web.request("GET", f"{stock.api_url}/open").status == 404
    assert web.request("GET", f"{patched.api_url}/open").body == b"/open"
    assert web.request("GET", f"{patched.api_url}/guarded").status == 401
    assert web.request("GET", f"{patched.api_url}/guarded", headers={"Authorization": "Bearer x.y.z"}).status == 401
    assert web.request("POST", f"{patched.api_url}/open").status == 404


def test_an_api_of_links_answers_on_an_address_of_its_own(patched: Engine) -> None:
    assert web.request("GET", f"{patched.link_api_url}/open").status == 503
    _deploy_api(patched, "probe-links")
    assert web.request("GET", f"{patched.link_api_url}/open").body == b"/open"
    assert web.request("GET", f"{patched.link_api_url}/guarded").status == 401


def _deploy_api(engine: Engine, name: str) -> None:
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "payloadFormatVersion": "2.0",
        "uri": "arn:aws:lambda:us-east-1:000000000000:function:probe",
    }
    operation: dict[str, Any] = {"x-amazon-apigateway-integration": integration, "responses": {}}
    issuer = {"issuer": "https://issuer.invalid", "audience": ["somebody"]}
    scheme = {
        "type": "oauth2",
        "x-amazon-apigateway-authorizer": {
            "type": "jwt",
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": issuer,
        },
    }
    body = {
        "openapi": "3.0.1",
        "info": {"title": name, "version": "1"},
        "paths": {"/open": {"get": operation}, "/guarded": {"get": operation | {"security": [{"Jwt": []}]}}},
        "components": {"securitySchemes": {"Jwt": scheme}},
    }
    resources = {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}},
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
        },
    }
    client = Aws(engine.endpoint_url).cloudformation
    client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def test_multipart_upload_refuses_what_s3_refuses(stock: Engine, patched: Engine) -> None:
    small, enough = b"x" * 1024, b"x" * (5 * 1024 * 1024)
    assert _complete(stock, [small, small], [1, 2]) == "completed"
    assert _complete(patched, [small, small], [1, 2]) == "EntityTooSmall"
    assert _complete(stock, [enough, enough], [2, 1]) == "completed"
    assert _complete(patched, [enough, enough], [2, 1]) == "InvalidPartOrder"
    assert _complete(patched, [enough, small], [1, 2]) == "completed"


def _complete(engine: Engine, parts: list[bytes], order: list[int]) -> str:
    s3 = Aws(engine.endpoint_url).s3
    s3.create_bucket(Bucket="parts")
    upload = s3.create_multipart_upload(Bucket="parts", Key="k")["UploadId"]
    tags = {
        number: s3.upload_part(Bucket="parts", Key="k", UploadId=upload, PartNumber=number, Body=part)["ETag"]
        for number, part in enumerate(parts, 1)
    }
    try:
        s3.complete_multipart_upload(
            Bucket="parts",
            Key="k",
            UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": number, "ETag": tags[number]} for number in order]},
        )
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "completed"


def test_the_checksum_of_a_whole_object_is_checked(stock: Engine, patched: Engine) -> None:
    assert _complete_whole(stock, b"abc", crc32=zlib.crc32(b"abc")) == "BadDigest"
    assert _complete_whole(patched, b"abc", crc32=zlib.crc32(b"abc")) == "completed"
    assert _complete_whole(patched, b"abc", crc32=zlib.crc32(b"abd")) == "BadDigest"


def _complete_whole(engine: Engine, content: bytes, *, crc32: int) -> str:
    s3, names = _upload_with_checksum(engine)
    tag = s3.upload_part(**names, PartNumber=1, Body=content)["ETag"]
    try:
        s3.complete_multipart_upload(
            **names,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]},
            ChecksumCRC32=base64.b64encode(crc32.to_bytes(4, "big")).decode(),
            ChecksumType="FULL_OBJECT",
        )
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "completed"


def _upload_with_checksum(engine: Engine) -> tuple[Any, dict[str, Any]]:
    s3 = Aws(engine.endpoint_url).s3
    s3.create_bucket(Bucket="whole")
    started = s3.create_multipart_upload(Bucket="whole", Key="k", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    return s3, {"Bucket": "whole", "Key": "k", "UploadId": started["UploadId"]}


def test_the_checksum_of_a_copied_part_is_told(stock: Engine, patched: Engine) -> None:
    assert _copied_checksum(stock) is None
    assert _copied_checksum(patched) == base64.b64encode(zlib.crc32(b"bc").to_bytes(4, "big")).decode()


def _copied_checksum(engine: Engine) -> str | None:
    s3, names = _upload_with_checksum(engine)
    s3.put_object(Bucket="whole", Key="from", Body=b"abc")
    source = {"Bucket": "whole", "Key": "from"}
    copied = s3.upload_part_copy(**names, PartNumber=1, CopySource=source, CopySourceRange="bytes=1-2")
    told: str | None = copied["CopyPartResult"].get("ChecksumCRC32")
    return told


def test_expired_items_go_within_seconds(stock: Engine, patched: Engine) -> None:
    for engine in (stock, patched):
        _put_expired_item(engine)
    deadline = time.monotonic() + 15
    while _has_item(patched):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert _has_item(stock)


def _put_expired_item(engine: Engine) -> None:
    client = Aws(engine.endpoint_url).dynamodb
    client.create_table(
        TableName="ends",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    client.update_time_to_live(
        TableName="ends", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    client.put_item(TableName="ends", Item={"pk": {"S": "a"}, "expires_at": {"N": str(int(time.time()) - 10)}})


def _has_item(engine: Engine) -> bool:
    return "Item" in Aws(engine.endpoint_url).dynamodb.get_item(TableName="ends", Key={"pk": {"S": "a"}})


def test_functions_find_boto3_and_no_library_of_the_engine(stock: Engine, patched: Engine) -> None:
    assert _invoke(stock, {"import": "samtranslator"}) == "samtranslator"
    assert _invoke(patched, {"import": "samtranslator"})["errorType"] == "ModuleNotFoundError"
    assert _invoke(patched, {"import": "boto3"}) == "boto3"


def test_bucket_that_takes_tls_only_can_be_used(stock: Engine, patched: Engine) -> None:
    assert _use_tls_only_bucket(stock) == "AccessDenied"
    assert _use_tls_only_bucket(patched) == "stored"


def _use_tls_only_bucket(engine: Engine) -> str:
    administrator = Aws(engine.endpoint_url)
    administrator.s3.create_bucket(Bucket="guarded")
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::guarded/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    administrator.s3.put_bucket_policy(Bucket="guarded", Policy=_policy(deny))
    allow = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::guarded/*"}
    administrator.iam.create_user(UserName="writer")
    administrator.iam.put_user_policy(UserName="writer", PolicyName="write", PolicyDocument=_policy(allow))
    key = administrator.iam.create_access_key(UserName="writer")["AccessKey"]
    writer = Aws(engine.endpoint_url, key["AccessKeyId"], key["SecretAccessKey"])
    try:
        writer.s3.put_object(Bucket="guarded", Key="k", Body=b"")
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "stored"


def test_a_schedule_tells_its_target_the_time_that_it_was_for(stock: Engine, patched: Engine) -> None:
    queues = [_fire_once(engine) for engine in (stock, patched)]
    first, second = (_message(engine, url) for engine, url in zip((stock, patched), queues, strict=True))
    assert json.loads(first) == {"at": "<aws.scheduler.scheduled-time>"}
    assert datetime.now(UTC) - datetime.fromisoformat(json.loads(second)["at"]) < timedelta(minutes=2)


def _fire_once(engine: Engine) -> str:
    """Make a schedule that is due already; return the queue that it fires at."""
    aws = Aws(engine.endpoint_url)
    url = str(aws.sqs.create_queue(QueueName="fired")["QueueUrl"])
    arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    target = {"Arn": arn, "RoleArn": "arn:aws:iam::000000000000:role/any", "Input": _AT}
    expression = "at(2020-01-01T00:00:00)"
    aws.scheduler.create_schedule(
        Name="once", ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    return url


def _message(engine: Engine, url: str) -> str:
    deadline = time.monotonic() + 40
    while not (found := Aws(engine.endpoint_url).sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages")):
        assert time.monotonic() < deadline
    return str(found[0]["Body"])


def test_what_is_due_fires_at_once(patched: Engine) -> None:
    """At three moments, so close that an engine which looks every ten seconds is late for one of them."""
    aws = Aws(patched.endpoint_url)
    url = str(aws.sqs.create_queue(QueueName="punctual")["QueueUrl"])
    arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    for seconds in (0, 4, 8):
        due = (soon + timedelta(seconds=seconds)).isoformat()
        target = {"Arn": arn, "RoleArn": "arn:aws:iam::000000000000:role/any"}
        target |= {"Input": json.dumps({"due": due, "at": "<aws.scheduler.scheduled-time>"})}
        aws.scheduler.create_schedule(
            Name=f"in-{seconds}",
            ScheduleExpression=f"at({due[:19]})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )

    late: list[timedelta] = []
    deadline = time.monotonic() + 40
    while len(late) < 3:
        assert time.monotonic() < deadline, late
        for message in aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            told = json.loads(message["Body"])
            late.append(datetime.fromisoformat(told["at"]) - datetime.fromisoformat(told["due"]))
            aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert max(late) < timedelta(seconds=5)


def test_permissions_for_schedules_are_looked_up_in_their_group(stock: Engine, patched: Engine) -> None:
    assert _delete_schedules(stock) == ["AccessDeniedException"] * 2
    assert _delete_schedules(patched) == ["ResourceNotFoundException", "AccessDeniedException"]


def _delete_schedules(engine: Engine) -> list[str]:
    """What a user who may delete in the group ``own`` is told there, and in the group ``default``."""
    administrator = Aws(engine.endpoint_url)
    administrator.iam.create_user(UserName="planner")
    allow = {
        "Effect": "Allow",
        "Action": "scheduler:DeleteSchedule",
        "Resource": "arn:aws:scheduler:*:*:schedule/own/*",
    }
    administrator.iam.put_user_policy(UserName="planner", PolicyName="plan", PolicyDocument=_policy(allow))
    key = administrator.iam.create_access_key(UserName="planner")["AccessKey"]
    planner = Aws(engine.endpoint_url, key["AccessKeyId"], key["SecretAccessKey"]).scheduler
    told = []
    for group in ("own", "default"):
        with pytest.raises(ClientError) as refused:
            planner.delete_schedule(Name="none", GroupName=group)
        told.append(str(refused.value.response["Error"]["Code"]))
    return told


@pytest.mark.parametrize(
    ("tampering", "sentence"),
    [
        ("guard.SUPPORTED = '0.0.1'", "were written for 0.0.1"),
        ("from ministack.services import s3; s3._complete_multipart_upload = lambda: None", "has changed"),
        ("from ministack.services import dynamodb", "earlier than the patch"),
    ],
)
def test_engine_that_the_patches_were_not_written_for_is_refused(tampering: str, sentence: str) -> None:
    program = (
        "from pathlib import Path; from local.engine import guard, patches; "
        f"{tampering}; patches.apply_all(Path('python'))"
    )
    done = subprocess.run([venvs.engine_python(), "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "ChangedEngineError" in done.stderr
    assert sentence in done.stderr
