"""Calendar events, to-dos, notes and settings."""

from collections.abc import Iterator
from datetime import timedelta

from local.demo_data.record import Record, made_record, record
from local.demo_data.seed import NOW, chance, iso, moment
from local.demo_data.words import CITIES, full_name, phrase, text

_EVENTS, _TODOS, _NOTES, _SETTINGS = "io.cozy.calendar.events", "io.cozy.todos", "io.cozy.notes", "io.cozy.settings"


def events(user: str, count: int) -> Iterator[Record]:
    """Yield ``count`` calendar events, some recurring, some with guests."""
    rng = chance(user, _EVENTS)
    for number in range(count):
        start = moment(rng, 1500).replace(second=0)
        guests = [" ".join(full_name(rng)) for _ in range(rng.choice((0, 0, 1, 4)))]
        yield record(
            user,
            _EVENTS,
            number,
            start - timedelta(days=rng.randint(0, 60)),
            summary=phrase(rng, 4),
            description=text(rng, rng.randint(0, 3)),
            location=rng.choice(CITIES),
            start=iso(start),
            end=iso(start + timedelta(minutes=15 * rng.randint(1, 16))),
            timezone=rng.choice(("Europe/Paris", "Europe/Warsaw", "Asia/Tokyo")),
            rrule="FREQ=WEEKLY;COUNT=10" if rng.random() < 0.1 else None,
            attendees=guests,
        )


def todos(user: str, count: int) -> Iterator[Record]:
    """Yield ``count`` things to do."""
    rng = chance(user, _TODOS)
    for number in range(count):
        done = rng.random() < 0.6
        yield record(user, _TODOS, number, moment(rng, 400), title=phrase(rng), done=done, priority=rng.randint(1, 3))


def notes(user: str, count: int) -> Iterator[Record]:
    """Yield ``count`` notes; the last is long."""
    rng = chance(user, _NOTES)
    for number in range(count):
        length = 2000 if number == count - 1 else rng.randint(1, 40)
        yield record(user, _NOTES, number, moment(rng, 900), title=phrase(rng), content=text(rng, length))


def settings(user: str) -> Iterator[Record]:
    """Yield the settings, secrets included that an export has to leave out."""
    rng = chance(user, _SETTINGS)
    yield made_record(
        _SETTINGS,
        "io.cozy.settings.instance",
        NOW,
        public_name=user.capitalize(),
        locale=rng.choice(("fr", "en")),
        tz="Europe/Paris",
        passphrase_hash=f"scrypt$16384$8$1${rng.randbytes(32).hex()}",
        session_secret=rng.randbytes(32).hex(),
    )
    yield made_record(_SETTINGS, "io.cozy.settings.theme", NOW, theme="dark", accent="#7a2e8c")
    yield made_record(_SETTINGS, "io.cozy.settings.flags", NOW, flags={"drive.office": True, "photos.faces": None})
