"""What may become of an export, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from waybill.domain.errors import ExportGone, ExportNotReady, ExportNotRunning, UnknownCursor
from waybill.domain.job import ExportState, new_export
from waybill.domain.options import ExportOptions

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = ExportOptions(max_age=3_600_000_000_000)
FOR_COZY = ExportOptions(max_age=3_600_000_000_000, format="zip", layout="cozy")
NAMES = ("io.cozy.files/3f", "io.cozy.files/9a")


def test_a_new_export_is_exporting_and_expires_after_its_max_age() -> None:
    job = new_export("alice", HOUR, NOW)

    assert (job.state, job.rev, job.expires_at) == (ExportState.EXPORTING, 1, NOW + timedelta(hours=1))


def test_ids_are_32_hexadecimal_digits_that_sort_by_age_and_do_not_repeat() -> None:
    older = new_export("alice", HOUR, NOW).id
    ids = {new_export("alice", HOUR, NOW + timedelta(milliseconds=1)).id for _ in range(1000)}

    assert len(ids) == 1000
    assert all(len(each) == 32 and int(each, 16) >= 0 and each > older for each in ids)


def test_a_finished_export_tells_how_long_it_took_in_nanoseconds() -> None:
    done = new_export("alice", HOUR, NOW).finished(NOW + timedelta(seconds=2), parts=3, total_size=99, gaps=1)

    assert (done.state, done.creation_duration, done.rev) == (ExportState.DONE, 2_000_000_000, 2)
    assert (done.parts, done.total_size, done.gaps) == (3, 99, 1)


def test_a_failed_export_keeps_the_sentence() -> None:
    failed = new_export("alice", HOUR, NOW).failed(NOW, "The table is gone.")

    assert (failed.state, failed.error, failed.rev) == (ExportState.ERROR, "The table is gone.", 2)


def test_every_part_has_a_cursor_the_first_included() -> None:
    done = new_export("alice", HOUR, NOW).finished(NOW, parts=3, total_size=0, gaps=0)

    assert len(set(done.cursors)) == 3


def test_it_is_gone_from_the_moment_it_expires() -> None:
    job = new_export("alice", HOUR, NOW)

    job.check_not_gone(NOW + timedelta(minutes=59))
    with pytest.raises(ExportGone):
        job.check_not_gone(NOW + timedelta(hours=1))


def test_it_is_gone_once_deleted_and_keeps_nothing_of_what_it_held() -> None:
    job = new_export("alice", HOUR, NOW).finished(NOW, parts=3, total_size=99, gaps=1).deleted(NOW)

    assert (job.parts, job.total_size, job.gaps, job.rev) == (0, 0, 0, 3)
    with pytest.raises(ExportGone):
        job.check_not_gone(NOW)


@pytest.mark.parametrize("state", [ExportState.EXPORTING, ExportState.ERROR])
def test_it_has_no_parts_before_it_is_done(state: ExportState) -> None:
    with pytest.raises(ExportNotReady):
        replace(new_export("alice", HOUR, NOW), state=state).check_done()


@pytest.mark.parametrize("state", [ExportState.DONE, ExportState.ERROR])
def test_a_step_that_comes_late_is_turned_away(state: ExportState) -> None:
    with pytest.raises(ExportNotRunning):
        replace(new_export("alice", HOUR, NOW), state=state).check_running(NOW)


@pytest.mark.parametrize(("options", "names"), [(HOUR, ()), (FOR_COZY, NAMES)])
def test_every_cursor_leads_to_its_part_and_none_to_the_first(options: ExportOptions, names: tuple[str, ...]) -> None:
    done = new_export("alice", options, NOW).finished(NOW, parts=3, total_size=0, gaps=0, part_names=names)

    assert [done.part_at(done.cursor_of(part)) for part in (1, 2, 3)] == [1, 2, 3]
    assert done.cursors == tuple(each for part in (1, 2, 3) if (each := done.cursor_of(part)))
    assert done.part_at(None) == done.part_at("") == 1
    with pytest.raises(UnknownCursor):
        done.part_at("io.cozy.files/0")


def test_in_the_layout_of_cozy_parts_are_named_but_for_the_first() -> None:
    done = new_export("alice", FOR_COZY, NOW).finished(NOW, parts=3, total_size=0, gaps=0, part_names=NAMES)

    assert done.cursors == NAMES
    with pytest.raises(UnknownCursor):
        done.part_at(new_export("alice", HOUR, NOW).cursor_of(1))


def test_only_the_layout_of_cozy_has_names_of_parts() -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        new_export("alice", HOUR, NOW).finished(NOW, parts=3, total_size=0, gaps=0, part_names=NAMES)
    with pytest.raises(ValueError, match="a name of its own"):
        new_export("alice", FOR_COZY, NOW).finished(NOW, parts=3, total_size=0, gaps=0)


def test_only_the_layout_of_cozy_has_a_link_and_each_export_its_own() -> None:
    first, second = (new_export("alice", FOR_COZY, NOW) for _ in range(2))

    assert new_export("alice", HOUR, NOW).link is None
    assert None not in {first.link, second.link}
    assert first.link_secret != second.link_secret
    assert first.link == first.failed(NOW, "No.").link


def test_the_secret_of_a_link_is_not_in_the_text_of_a_job() -> None:
    job = new_export("alice", FOR_COZY, NOW)

    assert "link_secret" not in repr(job)
    assert repr(job.link_secret) not in repr(job)


def test_a_deleted_export_has_no_link_and_no_names() -> None:
    job = new_export("alice", FOR_COZY, NOW).finished(NOW, parts=3, total_size=9, gaps=0, part_names=NAMES)

    deleted = job.deleted(NOW)

    assert (deleted.link, deleted.link_secret, deleted.part_names, deleted.cursors) == (None, b"", (), ())


@pytest.mark.parametrize("options", [HOUR, FOR_COZY])
def test_any_export_can_be_made_with_a_link_and_one_for_cozy_always_is(options: ExportOptions) -> None:
    assert new_export("alice", options, NOW, with_link=True).link is not None
    assert (new_export("alice", options, NOW).link is not None) == (options == FOR_COZY)
