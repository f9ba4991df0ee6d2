"""What stands in the Payload of a comment, by its type (reference source-systems, section C4)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from waybill.rules.chat_model import ChatModel, findings_of
from waybill.rules.codes import FaultCode
from waybill.rules.verdict import Finding

MOST_BUTTONS = 100
"""Buttons of one card, and cards of one carousel: a limit of our own."""


def _literally_one(value: object) -> object:
    """Refuse everything but the integer 1, for which a Literal would take true and 1.0 too."""
    if type(value) is not int or value != 1:
        raise PydanticCustomError(FaultCode.UNKNOWN_VALUE, "In an import this is the integer 1.")
    return value


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError(FaultCode.WRONG_TYPE, "This must be a number.")
    return value


def _degrees(most: int) -> AfterValidator:
    def within(value: Any) -> Any:
        if not -most <= value <= most:
            raise PydanticCustomError(FaultCode.OUT_OF_RANGE, f"This must be from -{most} to {most} degrees.")
        return value

    return AfterValidator(within)


class _Payload(ChatModel):
    """A payload. What it has beside these fields is kept as it is."""


class _Reply(_Payload):
    """In imports ``replied_comment_id`` is 1 and ParentCommentUniqueId has the link; a chat server adds the rest."""

    model_config = ConfigDict(extra="forbid")

    text: str
    replied_comment_id: Annotated[Any, AfterValidator(_literally_one)]
    replied_comment_type: Any = None
    replied_comment_message: Any = None
    replied_comment_payload: Any = None
    replied_comment_sender_username: Any = None
    replied_comment_sender_email: Any = None


class _LinkingParams(_Payload):
    user_id: str | int | None = None
    topic_id: str | int | None = None
    button_text: str | None = None
    view_title: str | None = None
    success_message: str | None = None


class _AccountLinking(_Payload):
    text: str
    url: str
    redirect_url: str
    params: _LinkingParams


class _Call(_Payload):
    """What a button calls: a link, or a request."""

    url: str
    method: str | None = None
    payload: Any = None


class _Action(_Payload):
    type: Literal["postback", "link"]
    postback_text: str | None = None
    payload: _Call


class _Button(_Action):
    label: str


_Buttons = Annotated[list[_Button], Field(max_length=MOST_BUTTONS)]


class _ButtonsOf(_Payload):
    text: str
    buttons: Annotated[list[_Button], Field(min_length=1, max_length=MOST_BUTTONS)]


class _Card(_Payload):
    """Requests of 2017 have ``image_url`` in place of ``image``."""

    text: str
    image: str | None = None
    image_url: str | None = None
    title: str
    description: str
    url: str | None = None
    buttons: _Buttons | None = None


class _CarouselCard(_Payload):
    image: str | None = None
    title: str
    description: str
    default_action: _Action | None = None
    buttons: _Buttons | None = None


class _Carousel(_Payload):
    cards: Annotated[list[_CarouselCard], Field(min_length=1, max_length=MOST_BUTTONS)]


class _Custom(_Payload):
    type: str
    content: Any


class _FileAttachment(_Payload):
    url: Annotated[str, Field(min_length=1)]
    caption: str | None = None
    file_name: str | None = None
    size: int | None = None
    pages: int | None = None


class _ContactPerson(_Payload):
    name: str
    value: str
    type: Literal["phone", "email", ""] = "phone"


class _Location(_Payload):
    name: str
    address: str
    latitude: Annotated[Any, AfterValidator(_number), _degrees(90)]
    longitude: Annotated[Any, AfterValidator(_number), _degrees(180)]
    map_url: str | None = None


REPLY = "reply"
TEXT = "text"

PAYLOADS: Mapping[str, type[ChatModel]] = {
    REPLY: _Reply,
    "account_linking": _AccountLinking,
    "buttons": _ButtonsOf,
    "button_postback_response": _Call,
    "card": _Card,
    "carousel": _Carousel,
    "custom": _Custom,
    "file_attachment": _FileAttachment,
    "contact_person": _ContactPerson,
    "location": _Location,
}
"""The types of comment that have a payload."""

NOT_IMPORTED = "system_event"
"""What a chat server says by itself; nobody can post it."""


def payload_faults(kind: str, payload: dict[str, Any] | None) -> list[Finding]:
    """Return what is wrong with the payload of a comment of this type, which is one of PAYLOADS."""
    if payload is None:
        return [Finding(FaultCode.REQUIRED, "/Payload", f"A comment of type {kind} needs a payload.")]
    try:
        PAYLOADS[kind].model_validate(payload)
    except ValidationError as error:
        return findings_of(error, "Payload")
    return []
