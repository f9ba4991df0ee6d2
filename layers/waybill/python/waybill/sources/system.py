"""What there is to know of a system that Waybill reads by its API, and what it is given to do so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from waybill.domain.catalog import Doctype, SystemSource
from waybill.domain.errors import CatalogError
from waybill.ports import Clock, Secrets, Source, Staging, Web

if TYPE_CHECKING:  # whoever reads the catalog needs to know the systems, and none of what reads them
    from waybill.sources.rest.client import Connect
    from waybill.sources.rest.timing import Timing


@dataclass(frozen=True, slots=True)
class Collection:
    """One kind of record that a system has.

    ``leave_out`` are its secrets, left out unless the catalog asks for them. ``columns`` are those of its files of the
    format csv, in this order and first, if the system knows such files; by default they follow from the schema. Where
    it ``has_files``, a content is fetched for each of the records.
    """

    leave_out: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    has_files: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What a system is read with.

    ``staging`` is that of the export that is read for; None if it is for none, as in an estimate: then nothing is asked
    to be made. ``timing`` is how requests wait, and ``now`` tells the time. ``web`` gives what fetches from addresses
    that somebody else has chosen, when it is told whether private ones are allowed.
    """

    connect: "Connect"
    secrets: Secrets
    timing: "Timing | None" = None
    staging: Staging | None = None
    now: Clock = lambda: datetime.now(UTC)
    web: Callable[[bool], Web] | None = None

    def web_of(self, source: SystemSource) -> Web:
        """Return what fetches from addresses that are not the operator's; its source may ``allow_private`` ones."""
        if self.web is None:
            raise CatalogError(f"The source {source.name} is read from addresses that are not asked here.")
        return self.web(source.option("allow_private") == str(True))


@dataclass(frozen=True, slots=True)
class System:
    """A system: what people call it, what it has, and how it is opened.

    ``opened`` is given one source of a catalog, and returns what gives the Source of each doctype in it; those share
    one client, and so one sign-in and one limit of requests.
    """

    name: str
    collections: Mapping[str, Collection]
    opened: Callable[[SystemSource, Tools], Callable[[Doctype], Source]]
