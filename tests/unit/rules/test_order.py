"""What is referred to is imported first."""

import pytest
from tests.unit.rules.court import REPLY, ROOM, USER, checked, doctype

from waybill.domain.errors import CatalogError
from waybill.rules.order import CHAT_REFERENCES, ranks


def test_users_then_rooms_then_comments() -> None:
    assert ranks([doctype("comments"), doctype("rooms"), doctype("users")]) == {"users": 0, "rooms": 1, "comments": 2}


def test_a_doctype_comes_behind_all_that_it_refers_to() -> None:
    catalog = [
        doctype("d", references={"c": "c", "a": "a"}),
        doctype("c", references={"x": "b"}),
        doctype("b", references={"x": "a"}),
        doctype("a"),
        doctype("alone"),
        doctype("tickets", references={"room": "rooms"}),
        doctype("rooms"),
    ]

    assert ranks(catalog) == {"a": 0, "alone": 0, "rooms": 0, "b": 1, "tickets": 1, "c": 2, "d": 3}


def test_a_doctype_may_refer_to_itself() -> None:
    assert ranks([doctype("folders", references={"parent": "folders"})]) == {"folders": 0}


def test_a_circle_is_named() -> None:
    catalog = [
        doctype("before", references={"x": "c"}),
        doctype("c", references={"x": "a"}),
        doctype("a", references={"x": "b"}),
        doctype("b", references={"x": "c"}),
    ]

    with pytest.raises(CatalogError, match=r": a → b → c → a\."):
        ranks(catalog)


@pytest.mark.parametrize(("name", "row"), [("users", USER), ("rooms", ROOM), ("comments", REPLY)])
def test_the_references_of_the_chat_are_those_that_its_rows_have(name: str, row: dict[str, object]) -> None:
    assert {each.question[0] for each in checked(name, row).references} == set(CHAT_REFERENCES[name])
