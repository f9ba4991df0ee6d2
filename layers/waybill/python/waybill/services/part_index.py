"""Which record each file of a bag belongs to, over all parts of a group."""

from collections.abc import Iterable

from waybill.domain.catalog import Catalog
from waybill.intake.content_book import ContentBook
from waybill.intake.file_index import FileIndex
from waybill.intake.group import Manifest
from waybill.intake.row_file import rows_of
from waybill.intake.rows import Broken, Row
from waybill.services.row_files import RowFiles


class PartIndex:
    """Tells whose each file is, by the records of files that were staged before the first of them.

    ``begun`` is whether the first file has come: then no more records of files may, because the paths of all files
    depend on all records.
    """

    def __init__(
        self,
        catalog: Catalog,
        row_files: RowFiles,
        book: ContentBook,
        manifest: Manifest | None,
        *,
        begun: bool = False,
    ) -> None:
        self.begun = begun
        self._catalog = catalog
        self._row_files = row_files
        self._book = book
        gaps = manifest.gaps if manifest is not None else ()
        self._without_content = frozenset((gap.doctype, gap.id) for gap in gaps if gap.kind == "file")
        self._index: FileIndex | None = None

    def add_list(self, doctype: str, rows: Iterable[Row | Broken]) -> None:
        """Take in a list of an export of a chain, which names the paths of files itself."""
        for row in rows:
            line = row.value if isinstance(row, Row) else None
            if line is not None and isinstance(line.get("path"), str) and isinstance(line.get("key"), str):
                self._book.note_place(line["path"], doctype, line["key"])

    def owner_of(self, path: str) -> tuple[str, str] | None:
        """Return doctype and id of the record whose file has this path in the bag, None if there is none."""
        listed = self._book.place(path)
        if listed is not None:
            return listed
        self.begun = True
        if self._index is None:
            self._index = self._read()
        return self._index.owner_of(path)

    def _read(self) -> FileIndex:
        """Return the index of all records that were staged, by this call or an earlier one."""
        index = FileIndex()
        for doctype in self._catalog.doctypes.values():
            if doctype.has_files:
                for _, row in rows_of(self._row_files.lines(doctype.name)):
                    if row.value is not None:
                        name = str(row.value.get(doctype.key_fields[0], ""))
                        index.add(name, row.value, doctype.name)
        index.give_paths(self._without_content)
        return index
