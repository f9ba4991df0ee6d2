"""Where an import's objects lie: in an order that says what comes first."""

from waybill.domain import import_keys

IMPORT = "01a20d88e1c28759ed834ec103da4f36"


def test_rows_sort_by_rank_then_directories_then_others_then_those_that_wait() -> None:
    first = import_keys.row_file(IMPORT, 1, "files", import_keys.OTHERS, 7)
    waiting = import_keys.waiting_file(IMPORT, first, 3)
    keys = [
        import_keys.row_file(IMPORT, 0, "users", import_keys.OTHERS, 12),
        import_keys.row_file(IMPORT, 1, "files", import_keys.DIRECTORIES_FIRST, 999),
        first,
        import_keys.row_file(IMPORT, 1, "files", import_keys.OTHERS, 999_999),
        waiting,
        import_keys.waiting_file(IMPORT, first, 4),
        import_keys.waiting_file(IMPORT, waiting, 0),
        import_keys.row_file(IMPORT, 2, "albums", import_keys.OTHERS, 0),
    ]

    assert keys == sorted(keys)
    assert [import_keys.round_of(key) for key in keys] == [0, 0, 0, 0, 1, 1, 2, 0]
    assert [import_keys.doctype_of(key) for key in keys] == ["users", *["files"] * 6, "albums"]


def test_what_belongs_to_a_row_file_is_named_as_it_is() -> None:
    rows = import_keys.row_file(IMPORT, 3, "io.cozy.files", import_keys.OTHERS, 1)
    verdicts = import_keys.verdict_file(IMPORT, rows)

    assert import_keys.row_key_of(IMPORT, verdicts) == rows
    assert import_keys.doctype_of(verdicts) == "io.cozy.files"
    assert import_keys.doctype_of(import_keys.rejected(IMPORT, rows, "load")) == "io.cozy.files"


def test_entries_of_the_journal_sort_by_chunk_and_turn_and_what_was_not_written_stands_behind() -> None:
    verdicts = import_keys.verdict_file(IMPORT, import_keys.row_file(IMPORT, 3, "notes", import_keys.OTHERS, 1))
    first = import_keys.journal_entry(IMPORT, verdicts, 0, 0)
    keys = [
        first,
        import_keys.journal_entry(IMPORT, verdicts, 0, 1),
        import_keys.unwritten(first),
        import_keys.journal_entry(IMPORT, verdicts, 1, 0),
    ]

    assert keys == sorted(keys)
    assert import_keys.doctype_of(first.rpartition("/")[0]) == "notes"
    assert not first.startswith(import_keys.work(IMPORT))
