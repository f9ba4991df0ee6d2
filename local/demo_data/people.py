"""Contacts and their groups."""

from collections.abc import Iterator

from local.demo_data.record import Record, record
from local.demo_data.seed import chance, identifier, moment
from local.demo_data.words import CITIES, STREETS, full_name, phrase, text

_CONTACTS, _GROUPS = "io.cozy.contacts", "io.cozy.contacts.groups"
_GROUP_NAMES = ("Family", "Collègues", "Football ⚽", "Nachbarn", "חברים", "Book club", "Clients", "Emergency")


def groups(user: str) -> Iterator[Record]:
    """Yield the groups of contacts."""
    rng = chance(user, _GROUPS)
    for number, name in enumerate(_GROUP_NAMES):
        yield record(user, _GROUPS, number, moment(rng), name=name)


def contacts(user: str, count: int) -> Iterator[Record]:
    """Yield ``count`` contacts; some are in groups, some have notes."""
    rng = chance(user, _CONTACTS)
    for number in range(count):
        given, family = full_name(rng)
        fields = {
            "fullname": f"{given} {family}",
            "name": {"givenName": given, "familyName": family},
            "email": [{"address": f"{user}.contact{number}@example.org", "type": "home", "primary": True}],
            "phone": [{"number": f"+33 6 {rng.randrange(10**8):08d}", "type": rng.choice(("mobile", "work"))}],
            "address": [
                {
                    "street": f"{rng.randint(1, 250)} {rng.choice(STREETS)}",
                    "city": rng.choice(CITIES),
                    "postcode": f"{rng.randrange(10**5):05d}",
                }
            ],
            "birthday": moment(rng, 25000).date().isoformat(),
            "company": phrase(rng, 2).title() if rng.random() < 0.4 else "",
            "note": text(rng, rng.randint(1, 6)) if rng.random() < 0.3 else "",
            "starred": rng.random() < 0.05,
        }
        member_of = [identifier(user, _GROUPS, rng.randrange(len(_GROUP_NAMES)))] if rng.random() < 0.35 else []
        relations = {"groups": {"data": [{"_id": key, "_type": _GROUPS} for key in member_of]}}
        yield record(user, _CONTACTS, number, moment(rng), **fields, relationships=relations)
