"""XML from somebody else: no document type, so no entities and nothing fetched; bounded depth; UTF-8 or UTF-16.

The parser is expat with a handler that refuses ``<!DOCTYPE``: entities can be declared nowhere else (XML 1.0, section
4.2), so neither a bomb of them nor one that names a file gets in.
"""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

MOST_DEPTH = 200


class NotXml(ValueError):
    """The text is not XML, or not such as is taken. The message is the end of a sentence: it holds nothing of it."""


def parsed(body: bytes) -> Element:
    """Return the root of an XML document. Names in a namespace are ``{namespace}name``. Raises NotXml."""
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise NotXml(f"is XML that is nested more than {MOST_DEPTH} deep")
        builder.start(_named(name), {_named(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_named(name))

    def refuse(*_: object) -> None:
        raise NotXml("is XML with a document type, which is not read")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)  # noqa: FBT003 - expat's own signature
    except expat.ExpatError as error:
        raise NotXml("is not XML") from error
    root: Element = builder.close()
    return root


def _named(name: str) -> str:
    """Return a name as ElementTree writes it: expat leaves out the first brace."""
    return f"{{{name}" if "}" in name else name
