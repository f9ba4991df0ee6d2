"""The form ``json``: one array of the records, as their source gave them (seed 003, "Make an Import")."""

from collections.abc import Sequence


class JsonForm:
    """The form as planning and packing see it (``record_form.RecordForm``): a record a line."""

    has_columns = False

    def row_size(self, line: bytes) -> tuple[int, Sequence[str]]:
        """Return the record's own size."""
        return len(line), ()

    def row_overhead(self, columns: Sequence[str]) -> int:  # noqa: ARG002
        """Return the size of a comma and a line end."""
        return 2

    def empty_size(self, columns: Sequence[str]) -> int:  # noqa: ARG002
        """Return the size of the brackets and their line ends."""
        return len("[\n]\n")

    def opening(self, columns: Sequence[str]) -> bytes:  # noqa: ARG002
        """Return the bracket that opens the array."""
        return b"["

    def rows(self, lines: Sequence[bytes], columns: Sequence[str], *, first: bool) -> bytes:  # noqa: ARG002
        """Return some records."""
        return (b"\n" if first else b",\n") + b",\n".join(lines)

    def closing(self, *, empty: bool) -> bytes:
        """Return the bracket that closes the array."""
        return b"]\n" if empty else b"\n]\n"
