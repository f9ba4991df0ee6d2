"""What there is to know of a chat on Qiscus before it is opened, and how that is done."""

from collections.abc import Callable
from datetime import date

from waybill.domain.catalog import Doctype, SystemSource
from waybill.ports import Source
from waybill.sources.system import Collection, System, Tools

_COLLECTIONS = {
    "users": Collection(leave_out=("Password", "AuthenticationToken")),
    "rooms": Collection(),
    "comments": Collection(),
}
_FIELDS = ("app_id", "secret")


def _opened(source: SystemSource, tools: Tools) -> Callable[[Doctype], Source]:
    """Return what gives the sources of an application's doctypes; they share one client."""
    from waybill.sources.qiscus.backups import Backups  # noqa: PLC0415 - not for who reads a catalog
    from waybill.sources.qiscus.rows import QiscusRows  # noqa: PLC0415
    from waybill.sources.qiscus.terms import Terms  # noqa: PLC0415
    from waybill.sources.rest.auth import HeaderAuth  # noqa: PLC0415
    from waybill.sources.rest.client import RestClient  # noqa: PLC0415
    from waybill.sources.rest.secret import required, secret_fields  # noqa: PLC0415

    def headers(fresh: bool) -> tuple[tuple[str, str], ...]:  # noqa: FBT001 - as HeaderAuth calls it
        """Return the headers, with hyphens: some proxies drop names with underscores (source-systems, C1)."""
        fields = secret_fields(tools.secrets, source.secret, "Qiscus", fresh=fresh)
        app, secret = required(fields, _FIELDS, "Qiscus")
        return ("QISCUS-SDK-APP-ID", app), ("QISCUS-SDK-SECRET", secret)

    client = RestClient(
        "Qiscus",
        f"{source.url.rstrip('/')}/api/v2.1/rest",
        connect=tools.connect,
        auth=HeaderAuth(headers),
        limit=source.requests,
        timing=tools.timing,
    )
    web = tools.web_of(source)

    def of(doctype: Doctype) -> Source:
        terms = Terms(
            doctype.name,
            doctype.collection,
            since=date.fromisoformat(source.option("since")),
            leave_out=doctype.leave_out,
            removes=source.option("backups") == "delete",
            cap=int(source.option("most_rows", "0")),
        )
        return QiscusRows(terms, Backups(client), web=web, staging=tools.staging, clock=tools.now)

    return of


QISCUS = System("Qiscus", _COLLECTIONS, _opened)
