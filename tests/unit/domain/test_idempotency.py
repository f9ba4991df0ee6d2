"""When two requests are the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from waybill.domain.idempotency import digest_of, key_digest, remember
from waybill.domain.options import ExportOptions

NOW = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)


def test_options_are_the_same_however_they_were_written() -> None:
    assert digest_of(ExportOptions()) == digest_of(ExportOptions(format="tar.gz", without_files=False))


def test_every_option_that_differs_makes_others() -> None:
    options = ExportOptions()
    changed = [
        options,
        replace(options, parts_size=10_240),
        replace(options, max_age=1),
        replace(options, with_doctypes=("a", "b")),
        replace(options, with_doctypes=("a,b",)),
        replace(options, without_files=True),
        replace(options, format="zip"),
        replace(options, format="zip", layout="cozy"),
    ]

    assert len({digest_of(each) for each in changed}) == len(changed)


def test_a_key_is_remembered_for_24_hours_and_not_less() -> None:
    known = remember("k", "e1", ExportOptions(), NOW)

    assert known.expires_at == datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
    assert timedelta(0) <= known.expires_at - NOW - timedelta(hours=24) < timedelta(seconds=1)
    assert (known.job_id, known.digest) == ("e1", key_digest("k"))
