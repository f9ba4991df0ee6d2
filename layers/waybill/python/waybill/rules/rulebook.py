"""The rules of every doctype of a deployment."""

from collections.abc import Iterable
from datetime import datetime

from waybill.domain.catalog import Doctype
from waybill.domain.errors import CatalogError
from waybill.rules.comments import CommentRules
from waybill.rules.doctype_rules import DoctypeRules
from waybill.rules.rooms import RoomRules
from waybill.rules.schema_rules import SchemaRules
from waybill.rules.users import UserRules

_CHAT = {rules.doctype: rules for rules in (UserRules, RoomRules, CommentRules)}


def rules_of(doctype: str, doctypes: Iterable[Doctype], now: datetime, *, archived: bool = False) -> DoctypeRules:
    """Return the rules of a doctype: seed 003's for users, rooms and comments, else those of the catalog.

    ``doctypes`` are all of the catalog; ``now`` is when the import was made, the same in every step of it;
    ``archived`` says that the rows come from an archive, without what exports leave out. Raises CatalogError if the
    catalog does not have the doctype, or has no schema for it that rows can be checked by.
    """
    if doctype == UserRules.doctype:
        return UserRules(now, archived=archived)
    if doctype in _CHAT:
        return _CHAT[doctype](now)
    by_name = {each.name: each for each in doctypes}
    if doctype not in by_name:
        raise CatalogError(f"The catalog does not have the doctype {doctype}.")
    fields = {name: each.key_fields[0] for name, each in by_name.items()}
    fields.update({name: rules.name_field for name, rules in _CHAT.items()})
    return SchemaRules(by_name[doctype], fields)
