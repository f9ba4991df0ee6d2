"""What there is to know of a Cozy before it is opened, and how that is done."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from waybill.domain.catalog import Doctype, SystemSource
from waybill.domain.errors import SourceUnavailable
from waybill.intake.cozy_reader import FILES_DOCTYPE, VERSIONS_DOCTYPE
from waybill.ports import Source
from waybill.sources.cozy.secrets import FIELDS
from waybill.sources.system import Collection, System, Tools

_WITH_CONTENTS = (FILES_DOCTYPE, VERSIONS_DOCTYPE)
_LINK = msgspec.json.Decoder(dict[str, str])


class _Anything(Mapping[str, Collection]):
    """The collections of a Cozy: whatever its apps have made, so none is unknown. Names lack what is before the dot."""

    def __getitem__(self, name: str) -> Collection:
        doctypes = {doctype.partition(".")[2]: doctype for doctype in (*FIELDS, *_WITH_CONTENTS)}
        doctype = doctypes.get(name, name)
        return Collection(leave_out=FIELDS.get(doctype, ()), has_files=doctype in _WITH_CONTENTS)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _opened(source: SystemSource, tools: Tools) -> Callable[[Doctype], Source]:
    """Return what gives the sources of an export's doctypes. Its parts are downloaded once for all of them."""
    from waybill.sources.cozy.documents import Choice, CozyDocuments  # noqa: PLC0415 - not for who reads a catalog
    from waybill.sources.cozy.downloads import Downloads  # noqa: PLC0415

    web = tools.web_of(source)
    downloads = Downloads(source.name, lambda: _link(source, tools), web=web, staging=tools.staging, clock=tools.now)

    def of(doctype: Doctype) -> Source:
        choice = Choice(
            doctype.name,
            leave_out=doctype.leave_out,
            takes_others=doctype.name == source.option("others"),
            named=frozenset(source.doctypes),
            keeps_secrets=source.include_secrets,
            with_contents=doctype.fetches_files,
        )
        return CozyDocuments(choice, downloads, tools.staging)

    return of


def _link(source: SystemSource, tools: Tools) -> str:
    """Return the link: the secret itself, or its field ``link``. Raises SourceUnavailable."""
    text = tools.secrets.get(source.secret, fresh=True).strip()  # a new export has a new link
    if not text.startswith("{"):
        return text
    try:
        return _LINK.decode(text)["link"]
    except (msgspec.DecodeError, KeyError):
        raise SourceUnavailable(
            f"The secret of {source.name} must be the link of a Cozy's export, or a JSON object with it as link."
        ) from None


COZY = System("A Cozy", _Anything(), _opened)
