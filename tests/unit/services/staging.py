"""An import in memory, staged from any inputs, and what lies in the bucket then."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from tests.fake_uploads import FakeInputsClient, MemoryUploads
from tests.fakes import FakeBudget, FakeClock, FakeImports, MemoryObjects

from waybill.domain import import_keys
from waybill.domain.catalog import Catalog, Doctype, FilesSource, TableSource
from waybill.domain.import_job import ImportJob, new_import
from waybill.domain.import_limits import ImportLimits
from waybill.domain.import_options import ImportInput, ImportOptions, InputKind
from waybill.domain.upload import Upload, UploadState
from waybill.domain.upload_keys import upload_object
from waybill.intake.content_book import ContentBook
from waybill.intake.group import Verifier
from waybill.intake.row_file import rows_of
from waybill.intake.rows import Row
from waybill.intake.staged_inputs import StagedInputs
from waybill.ports import Budget
from waybill.services.stage_import import stage_import

TENANT = "alice"
TABLE = TableSource("documents", "pk", "{tenant}#{doctype}", "sk", body_attribute="body")
FILES = FilesSource(TABLE, "files", "{tenant}/")
CATALOG = Catalog(
    {
        "io.cozy.contacts": Doctype("io.cozy.contacts", TABLE, "{}"),
        "io.cozy.files": Doctype("io.cozy.files", FILES, "{}"),
        "users": Doctype("users", TABLE, "{}"),
        "rooms": Doctype("rooms", TABLE, "{}"),
        "strict": Doctype(
            "strict",
            TABLE,
            '{"properties": {"_id": {"type": "string"}, "n": {"type": "integer"}}, "required": ["_id"], '
            '"additionalProperties": false}',
        ),
    }
)
LIMITS = ImportLimits(input_bytes=1 << 30)


@dataclass
class Import:
    """The ports in memory, and StageImport upon them."""

    archives: MemoryObjects = field(default_factory=MemoryObjects)
    imports: FakeImports = field(default_factory=FakeImports)
    uploads: MemoryUploads = field(default_factory=MemoryUploads)
    client: FakeInputsClient = field(default_factory=FakeInputsClient)
    clock: FakeClock = field(default_factory=FakeClock)
    verifier: Verifier | None = None
    limits: ImportLimits = LIMITS
    row_file_size: int = 4 << 20
    inputs: list[ImportInput] = field(default_factory=list)
    job: ImportJob | None = None

    def upload(self, name: str, data: bytes, **changes: Any) -> str:
        """Have a file uploaded, as an input of the import; return its id."""
        number = len(self.uploads.uploads)
        upload_id = f"{number:032x}"
        upload = Upload(TENANT, upload_id, name, len(data), self.clock(), state=UploadState.COMPLETE)
        self.uploads.put(replace(upload, **changes))
        self.archives.objects[upload_object(upload_id)] = data
        self.inputs.append(ImportInput(InputKind.UPLOAD, upload_id))
        return upload_id

    def url(self, url: str) -> None:
        """Name a URL as an input."""
        self.inputs.append(ImportInput(InputKind.URL, url))

    def create(self, **options: Any) -> ImportJob:
        """Create the import."""
        self.job = new_import(TENANT, ImportOptions(tuple(self.inputs), **options), self.clock())
        self.imports.create(self.job)
        return self.job

    def step(self, budget: Budget | None = None) -> bool:
        """Run StageImport once."""
        assert self.job is not None
        return stage_import(
            TENANT,
            self.job.id,
            imports=self.imports,
            catalog=CATALOG,
            archives=self.archives,
            uploads=self.uploads,
            inputs_client=self.client,
            verifier=self.verifier,
            budget=budget or FakeBudget(),
            clock=self.clock,
            limits=self.limits,
            row_file_size=self.row_file_size,
        )

    def stage(self, budgets: Sequence[int] = (), **options: Any) -> StagedInputs:
        """Create the import and stage it, with these budgets one after the other, then as long as it takes."""
        self.create(**options)
        for steps in budgets:
            if self.step(FakeBudget(steps)):
                return self.staged
        while not self.step():
            pass
        return self.staged

    @property
    def now(self) -> ImportJob:
        """The import as it is stored."""
        assert self.job is not None
        return self.imports.get(TENANT, self.job.id)

    @property
    def staged(self) -> StagedInputs:
        """What the inputs turned out to be."""
        assert self.job is not None
        return msgspec.json.decode(self.archives.objects[import_keys.inputs(self.job.id)], type=StagedInputs)

    @property
    def row_files(self) -> dict[str, bytes]:
        """The row files by their keys without the import's id, in order."""
        assert self.job is not None
        prefix = import_keys.rows(self.job.id)
        return {key.removeprefix(prefix): data for key, data in sorted(self.archives.objects.items()) if prefix in key}

    def rows(self, doctype: str = "") -> list[tuple[str, Row]]:
        """All rows in their order, with their sources."""
        lines = (
            line
            for key, data in self.row_files.items()
            if doctype in {"", import_keys.doctype_of(key)}
            for line in data.splitlines()
        )
        return list(rows_of(lines))

    def values(self, doctype: str = "") -> list[Any]:
        """The values of all rows."""
        return [row.value for _, row in self.rows(doctype)]

    @property
    def contents(self) -> dict[tuple[str, str], bytes]:
        """The contents by doctype and id, each as the book says that it is."""
        assert self.job is not None
        found = {}
        with TemporaryDirectory() as folder:
            path = Path(folder) / "book"
            path.write_bytes(self.archives.objects[import_keys.content_book(self.job.id)])
            with ContentBook(path) as book:
                for doctype, record_id, booked in book:
                    content = self.archives.objects[import_keys.content(self.job.id, booked.number)]
                    assert (booked.size, booked.sha256) == (len(content), sha256(content).hexdigest())
                    found[doctype, record_id] = content
        return found
