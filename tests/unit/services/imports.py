"""A small product in memory that takes imports: a catalog, a target, and an import taken through its steps."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fake_sink import MemorySink
from tests.fakes import FakeBudget, FakeClock, FakeImports, FakeMetrics, MemoryObjects

from waybill.domain import import_keys
from waybill.domain.catalog import Catalog, Doctype, FilesSource, TableSource
from waybill.domain.import_job import ImportJob, UndoCounts, new_import
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.intake.content_book import BookedContent, ContentBook
from waybill.intake.row_file import line_of
from waybill.intake.rows import Problem, Row
from waybill.intake.staged_inputs import InputRole, Refusal, StagedInput, StagedInputs
from waybill.rules.doctype_rules import DoctypeRules
from waybill.rules.order import ranks
from waybill.rules.rulebook import rules_of
from waybill.services.fail_import import fail_import
from waybill.services.import_report import ImportReport, report_of
from waybill.services.import_results import conclude
from waybill.services.load_rows import load_rows
from waybill.services.undo_rows import undo_counts, undo_rows
from waybill.services.validate_rows import validate_rows
from waybill.services.work_files import save

TENANT = "alice"
TABLE = TableSource(
    "documents", "pk", "{tenant}#{doctype}", "sk", body_attribute="body", updated_at_attribute="changed"
)
CATALOG = Catalog(
    {
        "files": Doctype(
            "files",
            FilesSource(TABLE, "files", "{tenant}/"),
            '{"type": "object"}',
            date_field="updated_at",
            references={"dir_id": "files"},
        ),
        "notes": Doctype(
            "notes",
            TABLE,
            '{"type": "object", "properties": {"text": {"type": "string"}}}',
            date_field="meta.changed",
            leave_out=("secret",),
        ),
        "tags": Doctype("tags", TABLE, '{"type": "object"}', references={"note": "notes"}),
        "users": Doctype(
            "users",
            TABLE,
            "{}",
            date_field="CreateAt",
            leave_out=("Password", "PasswordHash", "AuthenticationToken"),
        ),
        "rooms": Doctype("rooms", TABLE, "{}", date_field="CreatedAt"),
        "comments": Doctype("comments", TABLE, "{}", date_field="CreatedAt"),
    }
)


def options(*, archive: bool = True, **changes: Any) -> ImportOptions:
    """The options of an import, of an archive or of rows of ``notes``."""
    return ImportOptions((ImportInput(InputKind.UPLOAD, "upload-1"),), None if archive else "notes", **changes)


@dataclass
class Importing:
    """The ports in memory, and the steps of an import upon them."""

    catalog: Catalog = CATALOG
    archives: MemoryObjects = field(default_factory=MemoryObjects)
    imports: FakeImports = field(default_factory=FakeImports)
    clock: FakeClock = field(default_factory=FakeClock)
    rows_per_file: int = 3

    def __post_init__(self) -> None:
        self.sink = MemorySink(self.catalog, self.archives)

    def create(
        self,
        rows: Mapping[str, Sequence[object]],
        *,
        contents: Mapping[str, bytes] | None = None,
        made: ImportOptions | None = None,
        inputs: Sequence[StagedInput] = (),
        refusal: Refusal | None = None,
        tenant: str = TENANT,
    ) -> ImportJob:
        """An import whose rows and contents are staged. A row may be a Problem, or the text of a row as bytes."""
        job = new_import(tenant, made or options(), self.clock())
        self.imports.create(job)
        rank = ranks(self.catalog.doctypes.values())
        total = 0
        for doctype, each in rows.items():
            staged = [_staged(number, row) for number, row in enumerate(each, 1)]
            total += len(staged)
            for begin in range(0, len(staged), self.rows_per_file):
                key = import_keys.row_file(job.id, rank[doctype], doctype, import_keys.OTHERS, begin)
                lines = staged[begin : begin + self.rows_per_file]
                self.archives.put(key, b"".join(line_of(row, doctype, is_json=True) for row in lines))
        self._stage_contents(job, contents or {})
        save(self.archives, import_keys.inputs(job.id), StagedInputs(tuple(inputs), total, 0, 0, refusal=refusal))
        return job

    def validate(self, job: ImportJob, budget: FakeBudget | None = None) -> bool:
        return validate_rows(
            job.tenant,
            job.id,
            imports=self.imports,
            catalog=self.catalog,
            rules_of=self.rules,
            sink=self.sink,
            archives=self.archives,
            budget=budget or FakeBudget(),
            clock=self.clock,
        )

    def load(self, job: ImportJob, budget: FakeBudget | None = None) -> bool:
        return load_rows(
            job.tenant,
            job.id,
            imports=self.imports,
            catalog=self.catalog,
            sink=self.sink,
            archives=self.archives,
            budget=budget or FakeBudget(),
            clock=self.clock,
        )

    def finish(self, job: ImportJob) -> ImportReport:
        """End an import as FinishImport does, and return its report."""
        stored = self.imports.get(job.tenant, job.id)
        self.imports.replace(stored.finished(self.clock(), conclude(stored, self.archives)))
        self.archives.delete_prefix(import_keys.work(job.id))
        report = report_of(job.id, self.archives)
        assert report is not None
        return report

    def fail(self, job: ImportJob, error: str = "InputRefused") -> ImportReport | None:
        """End an import as FailImport does, and return its report, if it has one."""
        fail_import(
            job.tenant,
            job.id,
            error,
            undo=0,
            imports=self.imports,
            archives=self.archives,
            clock=self.clock,
            metrics=FakeMetrics(),
        )
        return report_of(job.id, self.archives)

    def run(self, job: ImportJob, steps: int | None = None) -> ImportReport:
        """Take an import to its end; each call of a step does so much of it."""
        while not self.validate(job, FakeBudget(steps)):
            pass
        while not self.load(job, FakeBudget(steps)):
            pass
        return self.finish(job)

    def undo(self, job: ImportJob, steps: int | None = None) -> UndoCounts:
        """Undo an import that has ended."""
        self.imports.replace(self.imports.get(job.tenant, job.id).undoing())
        return self.go_on_undoing(job, steps)

    def go_on_undoing(self, job: ImportJob, steps: int | None = None) -> UndoCounts:
        while not undo_rows(
            job.tenant,
            job.id,
            imports=self.imports,
            catalog=self.catalog,
            sink=self.sink,
            archives=self.archives,
            budget=FakeBudget(steps),
            clock=self.clock,
        ):
            pass
        counts = undo_counts(job.id, self.archives)
        self.imports.replace(self.imports.get(job.tenant, job.id).undone(counts))
        return counts

    def left(self, job: ImportJob) -> list[dict[str, str]]:
        """What undoing has left."""
        found = [self.archives.get(info.key) for info in self.archives.list(import_keys.left(job.id))]
        return [json.loads(line) for data in found for line in data.splitlines()]

    def rules(self, doctype: str, job: ImportJob) -> DoctypeRules:
        archived = job.options.doctype is None
        return rules_of(doctype, self.catalog.doctypes.values(), job.created_at, archived=archived)

    def _stage_contents(self, job: ImportJob, contents: Mapping[str, bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "book.sqlite"
            with ContentBook(path) as book:
                for number, (key, content) in enumerate(contents.items()):
                    book.add("files", key, BookedContent(number, len(content), "", "", key))
                    self.archives.put(import_keys.content(job.id, number), content)
            self.archives.put(import_keys.content_book(job.id), path.read_bytes())


def _staged(number: int, row: object) -> Row:
    if isinstance(row, Problem):
        return Row(number, 0, 3, b"???", None, row)
    raw = row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode()
    return Row(number, 0, len(raw), raw, {})


def note(key: str, text: str = "", **more: object) -> dict[str, object]:
    return {"_id": key, "text": text, **more}


def as_table(doctype: str, *columns: str) -> StagedInput:
    """An input that is a table."""
    return StagedInput("table.csv", InputRole.ROWS, 0, "csv", doctype, columns)
