"""Imports in memory: their store, their workflow and uploads, and what callers and the clock do with them."""

from dataclasses import dataclass, field, replace
from functools import cached_property

from tests.fake_uploads import MemoryUploads
from tests.fakes import FakeBudget, FakeClock, FakeImports, FakeMetrics, MemoryImportWorkflow, MemoryObjects
from tests.unit.services.exports import CATALOG, TENANT

from waybill.domain.catalog import Catalog
from waybill.domain.import_job import ImportJob, ImportPhase, RowCounts
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.domain.upload import Upload, new_upload
from waybill.services.create_import import ImportCreation, create_import
from waybill.services.delete_import import delete_import
from waybill.services.fail_import import fail_import
from waybill.services.sweep_imports import SweptImports, sweep_imports
from waybill.services.undo_import import undo_import

COUNTS = RowCounts(rows=3, accepted=2, failed=1, written=2)


@dataclass
class Importing:
    """The ports in memory."""

    imports: FakeImports = field(default_factory=FakeImports)
    uploads: MemoryUploads = field(default_factory=MemoryUploads)
    workflow: MemoryImportWorkflow = field(default_factory=MemoryImportWorkflow)
    archives: MemoryObjects = field(default_factory=MemoryObjects)
    clock: FakeClock = field(default_factory=FakeClock)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    catalog: Catalog = CATALOG
    most_running: int = 100

    @cached_property
    def upload(self) -> Upload:
        """A complete upload of the tenant."""
        return self.uploaded()

    def uploaded(self, tenant: str = TENANT, *, complete: bool = True) -> Upload:
        """Store an upload."""
        upload = new_upload(tenant, "rows.json", 9, self.clock(), most=100)
        upload = upload.completed() if complete else upload
        self.uploads.put(upload)
        return upload

    @property
    def options(self) -> ImportOptions:
        """Options that import the upload."""
        return ImportOptions((ImportInput(InputKind.UPLOAD, self.upload.id),), doctype="contacts")

    def ask(self, options: ImportOptions | None = None, *, key: str | None = None) -> ImportCreation:
        """Send a request for an import."""
        asked = options or self.options
        return create_import(
            TENANT,
            asked,
            pointers=tuple(f"/{number}" for number in range(len(asked.inputs))),
            idempotency_key=key,
            most_running=self.most_running,
            catalog=self.catalog,
            imports=self.imports,
            uploads=self.uploads,
            archives=self.archives,
            workflow=self.workflow,
            clock=self.clock,
            metrics=self.metrics,
        )

    def create(self, *, key: str | None = None, dry_run: bool = False) -> ImportJob:
        """Create an import."""
        return self.ask(replace(self.options, dry_run=dry_run), key=key).job

    def stored(self, job: ImportJob) -> ImportJob:
        """The import as it is now."""
        return self.imports.get(job.tenant, job.id)

    def load(self, job: ImportJob) -> ImportJob:
        """Let an import get as far as writing."""
        return self._change(self.stored(job).changed(phase=ImportPhase.LOAD, counts=COUNTS))

    def finish(self, job: ImportJob) -> ImportJob:
        """Let an import come to its good end."""
        self.workflow.running.discard(self.stored(job).execution)
        return self._change(self.load(job).finished(self.clock(), COUNTS))

    def fail(self, job: ImportJob, error: str = "States.Timeout", *, undo: int = 0) -> ImportJob:
        """Run FailImport."""
        fail_import(
            TENANT,
            job.id,
            error,
            undo=undo,
            imports=self.imports,
            archives=self.archives,
            clock=self.clock,
            metrics=self.metrics,
        )
        return self.stored(job)

    def undo(self, job: ImportJob) -> ImportJob:
        """Ask that an import be undone."""
        return undo_import(
            TENANT,
            job.id,
            most_running=self.most_running,
            imports=self.imports,
            workflow=self.workflow,
            clock=self.clock,
            metrics=self.metrics,
        )

    def delete(self, job: ImportJob, *, only_running: bool = False) -> ImportJob:
        """Delete an import."""
        return delete_import(
            TENANT,
            job.id,
            only_running=only_running,
            imports=self.imports,
            workflow=self.workflow,
            archives=self.archives,
            clock=self.clock,
        )

    def sweep(self) -> SweptImports:
        """Run the sweep."""
        return sweep_imports(
            imports=self.imports,
            workflow=self.workflow,
            archives=self.archives,
            clock=self.clock,
            metrics=self.metrics,
            budget=FakeBudget(),
        )

    def _change(self, job: ImportJob) -> ImportJob:
        self.imports.replace(job)
        return job
