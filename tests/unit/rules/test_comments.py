"""Comments of seed 003, and the payloads of their types."""

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.rules.court import COMMENT, REPLY, checked, faults, told

CALL = {"url": "https://example.com/call", "method": "get", "payload": None}
BUTTON = {"label": "Go", "postback_text": "go", "type": "postback", "payload": CALL}
PAYLOADS: dict[str, dict[str, Any]] = {
    "account_linking": {
        "text": "Link it",
        "url": "https://example.com/login",
        "redirect_url": "https://example.com/done",
        "params": {"user_id": 1, "topic_id": "2", "button_text": "b", "view_title": "v", "success_message": "s"},
    },
    "buttons": {"text": "Choose", "buttons": [BUTTON, {**BUTTON, "type": "link"}]},
    "button_postback_response": CALL,
    "card": {"text": "t", "image": "i", "title": "t", "description": "d", "url": "u", "buttons": [BUTTON]},
    "carousel": {
        "cards": [
            {
                "image": "i",
                "title": "t",
                "description": "d",
                "default_action": {"type": "postback", "postback_text": "p", "payload": CALL},
                "buttons": [BUTTON],
            }
        ]
    },
    "custom": {"type": "promo", "content": {"anything": [1, None]}},
    "file_attachment": {"url": "https://example.com/f", "caption": "c", "file_name": "f", "size": 7, "pages": 1},
    "contact_person": {"name": "Ada", "value": "+62 1", "type": "phone"},
    "location": {"name": "Home", "address": "a", "latitude": -6.2, "longitude": 106, "map_url": "m"},
}


def of(kind: str, payload: Any) -> dict[str, Any]:
    return {**COMMENT, "Type": kind, "Payload": payload}


def test_a_good_text_is_taken_as_it_was_sent() -> None:
    result = checked("comments", COMMENT)

    assert (result.value, result.faults, result.notices) == (COMMENT, (), ())
    assert [(each.question, each.pointer) for each in result.references] == [
        (("rooms", "UniqueId", "room-1"), "/RoomUniqueId"),
        (("users", "Email", "ada@example.com"), "/CreatorEmail"),
    ]


def test_a_good_reply_is_taken_as_it_was_sent_and_refers_to_its_parent() -> None:
    result = checked("comments", REPLY)

    assert (result.value, result.faults, result.notices) == (REPLY, (), ())
    assert result.references[2].question == ("comments", "UniqueId", "comment-1")
    assert result.references[2].pointer == "/ParentCommentUniqueId"


def test_what_need_not_be_sent() -> None:
    sent = {key: COMMENT[key] for key in ("Message", "Type", "UniqueId", "CreatorEmail", "RoomUniqueId")}

    assert checked("comments", sent).value == {**COMMENT, "CreatedAt": "2026-11-25T12:00:00Z"}
    assert faults("comments", {}) == {("required", f"/{field}") for field in sent}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Message", "", "empty"),
        ("Message", "😀" * 4_000, None),
        ("Message", "m" * 4_001, "too_long"),
        ("Message", None, "wrong_type"),
        ("DisableLinkPreview", "no", "wrong_type"),
        ("DisableLinkPreview", 0, "wrong_type"),
        ("Type", "sticker", "unknown_type"),
        ("Type", "system_event", "type_not_imported"),
        ("Type", 1, "wrong_type"),
        ("UniqueId", "u" * 256, "too_long"),
        ("CreatorEmail", "ada", "bad_format"),
        ("RoomUniqueId", "", "empty"),
        ("CreatedAt", "soon", "bad_format"),
        ("Payload", {}, "payload_not_allowed"),
        ("Payload", "{}", "wrong_type"),
        ("ParentCommentUniqueId", "comment-0", "parent_not_allowed"),
        ("ParentCommentUniqueId", None, None),
        ("ParentCommentUniqueId", "p" * 256, "too_long"),
    ],
)
def test_each_field_of_a_text(field: str, value: Any, code: str | None) -> None:
    assert faults("comments", {**COMMENT, field: value}) == ({(code, f"/{field}")} if code else set())


@pytest.mark.parametrize("value", [True, 1.0, Decimal(1), "1", 2, 0, None])
def test_the_replied_comment_id_is_literally_the_integer_1(value: Any) -> None:
    payload = {"text": REPLY["Message"], "replied_comment_id": value}

    assert faults("comments", {**REPLY, "Payload": payload}) == {("unknown_value", "/Payload/replied_comment_id")}


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (None, {("required", "/Payload")}),
        ({}, {("required", "/Payload/text"), ("required", "/Payload/replied_comment_id")}),
        ({"text": "other", "replied_comment_id": 1}, {("reply_text", "/Payload/text")}),
        ({"text": 7, "replied_comment_id": 1}, {("wrong_type", "/Payload/text")}),
        ({"text": REPLY["Message"], "replied_comment_id": 1, "x": 1}, {("unknown_field", "/Payload/x")}),
        ({"text": REPLY["Message"], "replied_comment_id": 1, "str": 1}, {("unknown_field", "/Payload/str")}),
        ({"text": REPLY["Message"], "replied_comment_id": 1, "replied_comment_message": "m"}, set()),
    ],
)
def test_the_payload_of_a_reply(payload: Any, found: set[tuple[str, str]]) -> None:
    assert faults("comments", {**REPLY, "Payload": payload}) == found


@pytest.mark.parametrize("parent", ["", None])
def test_a_reply_names_its_parent(parent: str | None) -> None:
    assert faults("comments", {**REPLY, "ParentCommentUniqueId": parent}) == {("required", "/ParentCommentUniqueId")}


def test_a_reply_without_the_key_for_its_parent() -> None:
    row = {key: value for key, value in REPLY.items() if key != "ParentCommentUniqueId"}

    assert faults("comments", row) == {("required", "/ParentCommentUniqueId")}


@pytest.mark.parametrize("kind", PAYLOADS)
def test_other_types_are_taken_with_a_notice(kind: str) -> None:
    row = of(kind, {**PAYLOADS[kind], "kept": {"as": "it is"}})
    result = checked("comments", row)

    assert (result.value, result.faults) == (row, ())
    assert told(result.notices) == {("type_not_fully_supported", "/Type")}
    assert faults("comments", {**row, "Message": ""}) == set()


@pytest.mark.parametrize("kind", PAYLOADS)
def test_other_types_need_their_payload(kind: str) -> None:
    assert faults("comments", of(kind, None)) == {("required", "/Payload")}
    assert faults("comments", of(kind, {})) >= {("required", f"/Payload/{next(iter(PAYLOADS[kind]))}")}


@pytest.mark.parametrize(
    ("kind", "change", "found"),
    [
        ("account_linking", {"params": []}, {("wrong_type", "/Payload/params")}),
        ("account_linking", {"params": {"user_id": 1.5}}, {("wrong_type", "/Payload/params/user_id")}),
        ("buttons", {"buttons": []}, {("too_short", "/Payload/buttons")}),
        ("buttons", {"buttons": [BUTTON] * 101}, {("too_long", "/Payload/buttons")}),
        ("buttons", {"buttons": [{**BUTTON, "type": "x"}]}, {("unknown_value", "/Payload/buttons/0/type")}),
        (
            "buttons",
            {"buttons": [BUTTON, {"label": 1}]},
            {
                ("wrong_type", "/Payload/buttons/1/label"),
                ("required", "/Payload/buttons/1/type"),
                ("required", "/Payload/buttons/1/payload"),
            },
        ),
        ("button_postback_response", {"url": None}, {("wrong_type", "/Payload/url")}),
        ("card", {"title": None}, {("wrong_type", "/Payload/title")}),
        (
            "carousel",
            {"cards": [{}]},
            {("required", "/Payload/cards/0/title"), ("required", "/Payload/cards/0/description")},
        ),
        ("custom", {"type": 1}, {("wrong_type", "/Payload/type")}),
        ("file_attachment", {"url": ""}, {("empty", "/Payload/url")}),
        ("file_attachment", {"size": "7"}, {("wrong_type", "/Payload/size")}),
        ("contact_person", {"type": "fax"}, {("unknown_value", "/Payload/type")}),
        ("location", {"latitude": 90.5}, {("out_of_range", "/Payload/latitude")}),
        ("location", {"longitude": Decimal("-180.0000000000000000001")}, {("out_of_range", "/Payload/longitude")}),
        ("location", {"longitude": True}, {("wrong_type", "/Payload/longitude")}),
        ("location", {"latitude": "6"}, {("wrong_type", "/Payload/latitude")}),
    ],
)
def test_the_shape_of_a_payload(kind: str, change: dict[str, Any], found: set[tuple[str, str]]) -> None:
    assert faults("comments", of(kind, {**PAYLOADS[kind], **change})) == found


def test_a_card_of_2017_has_an_image_url() -> None:
    card = {("image_url" if key == "image" else key): value for key, value in PAYLOADS["card"].items()}

    assert faults("comments", of("card", card)) == set()


def test_faults_of_fields_and_of_what_lies_between_them_are_told_at_once() -> None:
    row = {**REPLY, "Message": "", "CreatedAt": 7, "Payload": {"text": "x"}, "ParentCommentUniqueId": ""}

    assert faults("comments", row) == {
        ("empty", "/Message"),
        ("wrong_type", "/CreatedAt"),
        ("required", "/Payload/replied_comment_id"),
        ("reply_text", "/Payload/text"),
        ("required", "/ParentCommentUniqueId"),
    }


def test_a_payload_of_a_hundred_thousand_faults_is_told_in_short() -> None:
    cards = [{"title": 1, "description": 1, "buttons": [{}] * 100}] * 100

    assert len(checked("comments", of("carousel", {"cards": cards})).faults) == 100
