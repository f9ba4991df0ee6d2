"""Progress grows from what the workers report and is 100 only when the export is done."""

from hypothesis import given
from hypothesis import strategies as st

from waybill.domain.progress import Progress, WorkerProgress, total


def test_nothing_reported_is_nothing_done() -> None:
    assert total([]) == Progress(records=0, bytes=0, percentage=0)


def test_reading_is_the_first_half_packing_the_second() -> None:
    read = [WorkerProgress("read", 0, 2, 1.0, 100, 5_000), WorkerProgress("read", 1, 2, 0.5, 50, 2_500)]
    pack = [WorkerProgress("pack", 0, 1, 0.5, 0, 1_000)]

    assert total(read) == Progress(150, 7_500, 37)
    assert total([*read, *pack]) == Progress(150, 8_500, 62)


@given(
    st.lists(
        st.builds(
            WorkerProgress,
            phase=st.sampled_from(["read", "pack"]),
            batch=st.integers(0, 5),
            batches=st.integers(0, 5),
            share=st.floats(0, 1),
            records=st.integers(0, 10),
            bytes=st.integers(0, 10),
        )
    )
)
def test_a_running_export_is_never_shown_as_complete(reports: list[WorkerProgress]) -> None:
    assert 0 <= total(reports).percentage <= 99
