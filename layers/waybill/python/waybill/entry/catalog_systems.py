"""What the catalog file may say of other systems. One class for each kind; docs/sources.md explains them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, ClassVar, Literal

import msgspec

from waybill.domain.catalog import SystemSource
from waybill.domain.errors import CatalogError
from waybill.sources.system import Collection
from waybill.sources.systems import SYSTEMS

MOST_REQUESTS = 64
MOST_ARCHIVE_MINUTES = 2 * 24 * 60

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_COMMON = frozenset(("url", "secret", "tenants", "requests", "include_secrets"))


class SystemEntry(msgspec.Struct, forbid_unknown_fields=True):
    """What all systems have in common. A kind may add fields of its own."""

    url: _Text
    secret: str
    tenants: Annotated[list[_Text], msgspec.Meta(min_length=1)]
    requests: Annotated[int, msgspec.Meta(ge=1, le=MOST_REQUESTS)] = 16
    include_secrets: bool = False

    KIND: ClassVar[str]

    def source(self, name: str, doctypes: Sequence[str] = ()) -> SystemSource:
        """Return the source with this name in the catalog, which has these ``doctypes`` of it. Raises CatalogError."""
        own = {field: value for field, value in msgspec.structs.asdict(self).items() if field not in _COMMON}
        return SystemSource(
            kind=self.KIND,
            name=name,
            url=self.url,
            secret=self.secret,
            tenants=tuple(self.tenants),
            requests=self.requests,
            include_secrets=self.include_secrets,
            doctypes=tuple(doctypes),
            options=tuple((field, str(value)) for field, value in own.items()),
        )


class Os2iot(SystemEntry, tag_field="kind", tag="os2iot"):
    """An OS2iot backend."""

    KIND: ClassVar[str] = "os2iot"


class UForge(SystemEntry, tag_field="kind", tag="uforge"):
    """One person's account in a UForge AppCenter.

    ``user`` is whose it is, by default the one who signs in. An archive may take ``archive_minutes``; ``tickets`` are
    asked for at a time.
    """

    user: str = ""
    output_format: Literal["yaml", "json"] = "yaml"
    archive_minutes: Annotated[int, msgspec.Meta(ge=1, le=MOST_ARCHIVE_MINUTES)] = 360
    tickets: Annotated[int, msgspec.Meta(ge=1, le=MOST_REQUESTS)] = 4

    KIND: ClassVar[str] = "uforge"


class Cozy(SystemEntry, tag_field="kind", tag="cozy", kw_only=True):
    """One export of a Cozy, whose link is the ``secret``.

    The doctype ``others`` takes the documents of all doctypes that the catalog does not name. With ``allow_private``
    the link may lead into private networks, and need not be one of https.
    """

    url: str = ""
    others: _Text
    allow_private: bool = False

    KIND: ClassVar[str] = "cozy"

    def source(self, name: str, doctypes: Sequence[str] = ()) -> SystemSource:
        """Return the source."""
        if self.url or self.others not in doctypes:
            raise CatalogError(
                f"sources.{name}: a cozy has no url, because its secret is the link, and its others must be one of its "
                "doctypes: the one that takes what the catalog does not name."
            )
        return SystemEntry.source(self, name, doctypes)


class Qiscus(SystemEntry, tag_field="kind", tag="qiscus", kw_only=True):
    """One application on Qiscus, from the day ``since`` on.

    What Qiscus makes for it is deleted there when it is read, unless ``backups`` says keep. ``most_rows`` is the number
    of rows at which Qiscus cuts, if it is not the one of its documents. With ``allow_private`` files may lie in private
    networks, and need not come by https.
    """

    since: date
    most_rows: Annotated[int, msgspec.Meta(ge=0)] = 0
    backups: Literal["delete", "keep"] = "delete"
    allow_private: bool = False

    KIND: ClassVar[str] = "qiscus"


def collection_of(where: str, doctype: str, entry: SystemEntry) -> Collection:
    """Return what the system says of a doctype, whose name is ``<anything>.<what the system calls it>``.

    Raises CatalogError if the system has nothing of this name. With ``include_secrets`` nothing is left out.
    """
    system = SYSTEMS[entry.KIND]()
    collection = system.collections.get(doctype.partition(".")[2])
    if collection is None:
        raise CatalogError(
            f"{where}: {system.name} has nothing that is called so. The name must be that of the source and, behind a "
            f"dot, one of {', '.join(sorted(system.collections))}."
        )
    return replace(collection, leave_out=()) if entry.include_secrets else collection
