"""XML from somebody else."""

import pytest

from waybill.domain.errors import SourceUnavailable
from waybill.sources.rest.requests import Reply
from waybill.sources.rest.xml_body import NotXml, parsed

FORGE = "{http://www.usharesoft.com/uforge}"


def test_names_are_written_as_element_tree_writes_them() -> None:
    root = parsed(
        '<?xml version="1.0" encoding="UTF-8"?><ns2:status xmlns:ns2="http://www.usharesoft.com/uforge" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="ns2:OpStatus" b="1">'
        "<message>fünf &amp; sechs</message><complete>true</complete></ns2:status>".encode()
    )

    assert root.tag == f"{FORGE}status"
    assert root.attrib == {"{http://www.w3.org/2001/XMLSchema-instance}type": "ns2:OpStatus", "b": "1"}
    assert [(child.tag, child.text) for child in root] == [("message", "fünf & sechs"), ("complete", "true")]


@pytest.mark.parametrize(
    "text",
    [
        b'<!DOCTYPE a [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><a>&lol2;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"),
        b"<a>" * 201 + b"</a>" * 201,
        b"",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&nbsp;</a>",
        b"{}",
        b"<a>\xff</a>",
    ],
)
def test_what_is_not_safe_or_no_xml_is_refused(text: bytes) -> None:
    with pytest.raises(NotXml):
        parsed(text)


def test_a_reply_says_who_was_asked() -> None:
    reply = Reply(200, b"<html", "UForge at forge.example, asked for GET /api/users/ada,", lambda _: None)

    with pytest.raises(SourceUnavailable, match=r"^UForge .*/users/ada, was answered with what is not XML \(5 bytes\)"):
        reply.xml()
