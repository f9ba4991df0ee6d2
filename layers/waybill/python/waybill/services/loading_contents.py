"""Copy the contents of imported files to where they belong, and take them back. No byte of them passes through here."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from waybill.domain import import_keys
from waybill.domain.errors import ObjectMissing
from waybill.domain.import_job import ImportJob
from waybill.domain.import_options import OnConflict
from waybill.ports import Budget, NewContent, Sink
from waybill.services.import_journal import kept_content
from waybill.services.verdict_file import NO_CONTENT, AcceptedRow

COPIERS = 8
"""Contents that are copied at once. They wait for S3 nearly all of the time."""


class ContentLoader:
    """The contents of one doctype's files."""

    def __init__(self, job: ImportJob, doctype: str, sink: Sink) -> None:
        self._job = job
        self._doctype = doctype
        self._sink = sink

    def copy(self, rows: Sequence[AcceptedRow], budget: Budget) -> Sequence[AcceptedRow] | None:
        """Copy the contents of rows that have one; return the rows whose name has another content, which stays.

        What stands under a name is kept before it is replaced. Return None if the budget was spent before the end.
        """
        with_content = [row for row in rows if row.content != NO_CONTENT]
        clashes: list[AcceptedRow] = []
        if not with_content:
            return clashes
        with ThreadPoolExecutor(COPIERS) as pool:
            for begin in range(0, len(with_content), COPIERS):
                some = with_content[begin : begin + COPIERS]
                clashes += [row for row, done in zip(some, pool.map(self._copy, some), strict=True) if not done]
                if begin + COPIERS < len(with_content) and budget.spent():
                    return None
        return clashes

    def withdraw(self, row: AcceptedRow) -> None:
        """Take back the content of a row that is not written after all."""
        if row.content != NO_CONTENT:
            self.take_back(row.key)

    def take_back(self, key: str) -> None:
        """Put the content under a name back to what it was, if the import wrote the one that is there."""
        job = self._job
        if self._sink.content_of(job.tenant, self._doctype, key) != job.id:
            return
        kept = kept_content(job.id, self._doctype, key)
        try:
            self._sink.restore_content(job.tenant, self._doctype, key, kept)
        except ObjectMissing:
            self._sink.remove_content(job.tenant, self._doctype, key)

    def _copy(self, row: AcceptedRow) -> bool:
        """Copy one content; return whether it is there now."""
        job = self._job
        writer = self._sink.content_of(job.tenant, self._doctype, row.key)
        if writer == job.id:
            return True
        if writer is not None:
            if job.options.on_conflict is not OnConflict.REPLACE:
                return False
            with suppress(ObjectMissing):
                self._sink.keep_content(
                    job.tenant, self._doctype, row.key, kept_content(job.id, self._doctype, row.key)
                )
        source = import_keys.content(job.id, row.content)
        self._sink.put_content(job.tenant, self._doctype, job.id, NewContent(row.key, source, row.size, row.media_type))
        return True
