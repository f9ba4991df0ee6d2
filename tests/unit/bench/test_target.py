"""The stand-in for the target of imports does what their conditions ask."""

from bench.ours.target import Target


def put(key: str, *, condition: bool = True) -> dict[str, object]:
    item = {"Item": {"pk": {"S": "t#notes"}, "sk": {"S": key}}}
    return {"Put": item | ({"ConditionExpression": "attribute_not_exists(#k)"} if condition else {})}


def test_a_record_is_written_once_and_its_transaction_refused_the_second_time() -> None:
    target = Target()

    assert target.answer("TransactWriteItems", {"TransactItems": [put("a"), put("b")]}) == (200, {})
    status, refusal = target.answer("TransactWriteItems", {"TransactItems": [put("c"), put("b")]})

    assert status == 400
    assert refusal["CancellationReasons"] == [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
    assert target.records == {("t#notes", "a"), ("t#notes", "b")}


def test_it_tells_which_records_there_are() -> None:
    target = Target()
    target.answer("PutItem", {"Item": {"pk": {"S": "t#notes"}, "sk": {"S": "a"}}})
    keys = [{"pk": {"S": "t#notes"}, "sk": {"S": key}} for key in "ab"]

    _, answer = target.answer("BatchGetItem", {"RequestItems": {"documents": {"Keys": keys}}})

    assert answer == {"Responses": {"documents": [{"sk": {"S": "a"}}]}}
