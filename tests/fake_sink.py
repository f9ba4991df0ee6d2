"""The target of imports in memory, under the conditions of the adapter: tests/contract/ holds both to one suite."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from tests.fakes import MemoryObjects, etag_of

from waybill.domain.catalog import Catalog
from waybill.domain.errors import CatalogError, ObjectMissing
from waybill.domain.plan import Directory, FileReference
from waybill.ports import MOST_WRITES, MOST_WRITTEN, NewContent, NewRecord, OldRecord, Refusal, SourceItem, Standing
from waybill.sources import json_text
from waybill.sources.moments import unix_seconds

Key = tuple[str, str]


@dataclass
class StoredItem:
    """What the target keeps of a record."""

    body: str
    changed_at: str = ""
    written: str = ""
    others: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """What an import marks with itself."""
        return json.dumps([self.body, self.changed_at, self.others], sort_keys=True)

    def dump(self) -> bytes:
        return json.dumps([self.body, self.changed_at, self.written, self.others]).encode()


class MemorySink:
    """Sink. ``hear`` is called with a method's name before each call: it may change what stands there, or raise."""

    def __init__(self, catalog: Catalog, archives: MemoryObjects) -> None:
        self.catalog = catalog
        self.archives = archives
        self.items: dict[Key, dict[str, StoredItem]] = {}
        self.holders: dict[tuple[str, str, str, str], tuple[str, str]] = {}
        self.files = MemoryObjects()
        self.writers: dict[str, str] = {}
        self.media_types: dict[str, str] = {}
        self.hear: Callable[[str], None] = lambda method: None
        self.calls: list[str] = []

    def existing(self, tenant: str, doctype: str, keys: Sequence[str]) -> Set[str]:
        self._hear("existing", doctype)
        assert len(keys) <= 100
        assert len(set(keys)) == len(keys)
        return set(keys) & self._of(tenant, doctype).keys()

    def records(self, tenant: str, doctype: str, *, after: str = "") -> Iterator[tuple[str, str]]:
        self._hear("records", doctype)
        for key, item in sorted(self._of(tenant, doctype).items()):
            if key > after:
                yield key, item.body

    def standing(self, tenant: str, doctype: str, keys: Sequence[str]) -> Mapping[str, Standing]:
        self._hear("standing", doctype)
        assert len(keys) <= 100
        found = self._of(tenant, doctype)
        return {key: _standing(found[key]) for key in keys if key in found}

    def stood(self, tenant: str, doctype: str, item: bytes) -> Standing:
        return _standing(_loaded(item))

    def write(self, tenant: str, doctype: str, import_id: str, records: Sequence[NewRecord]) -> Mapping[int, Refusal]:
        self._hear("write", doctype)
        items = self._of(tenant, doctype)
        assert sum(1 + len(record.unique) for record in records) <= MOST_WRITES
        old = sum(len(record.instead_of.body) for record in records if record.instead_of)
        assert old + sum(len(record.body) for record in records) <= MOST_WRITTEN or len(records) == 1
        refused: dict[int, Refusal] = {}
        for position, record in enumerate(records):
            stands = items.get(record.key)
            expected = record.instead_of
            if (stands is None) != (expected is None) or (stands and expected and stands.body != expected.body):
                refused[position] = Refusal.NOT_AS_NOTED
            elif any(self._is_taken(tenant, doctype, name, value, record.key) for name, value in record.unique):
                refused[position] = Refusal.TAKEN
        if refused:
            return refused
        for record in records:
            others = _loaded(record.instead_of.item).others if record.instead_of else {}
            item = StoredItem(record.body, record.changed_at, "", others)
            item.written = f"{import_id}:{item.state}"
            items[record.key] = item
            for name, value in record.unique:
                self.holders[tenant, doctype, name, value] = (record.key, import_id)
        return {}

    def take_back(self, tenant: str, doctype: str, import_id: str, records: Sequence[OldRecord]) -> Set[int]:
        self._hear("take_back", doctype)
        items = self._of(tenant, doctype)
        assert len(records) <= MOST_WRITES
        changed = {
            position
            for position, record in enumerate(records)
            if record.key not in items or items[record.key].dump() != record.now.item
        }
        if changed:
            return changed
        for record in records:
            if record.before is None:
                del items[record.key]
            else:
                items[record.key] = _loaded(record.before)
            for name, value in record.unique:
                if self.holders.get((tenant, doctype, name, value)) == (record.key, import_id):
                    del self.holders[tenant, doctype, name, value]
        return set()

    def most_key_bytes(self, tenant: str, doctype: str) -> int:
        return 1_024 - len(f"{tenant}/".encode())

    def content_of(self, tenant: str, doctype: str, key: str) -> str | None:
        self._hear("content_of", doctype)
        place = f"{tenant}/{key}"
        return self.writers.get(place, "") if place in self.files.objects else None

    def put_content(self, tenant: str, doctype: str, import_id: str, content: NewContent) -> None:
        self._hear("put_content", doctype)
        place = f"{tenant}/{content.key}"
        data = self.archives.get(content.source)
        assert len(data) == content.size
        self.files.objects[place] = data
        self.writers[place] = import_id
        self.media_types[place] = content.media_type

    def keep_content(self, tenant: str, doctype: str, key: str, kept: str) -> None:
        self._hear("keep_content", doctype)
        place = f"{tenant}/{key}"
        if place not in self.files.objects:
            raise ObjectMissing("There is no content to be copied.")
        self.archives.objects[kept] = self.files.objects[place]
        self.writers[kept] = self.writers.get(place, "")

    def remove_content(self, tenant: str, doctype: str, key: str) -> None:
        self._hear("remove_content", doctype)
        self.files.objects.pop(f"{tenant}/{key}", None)
        self.writers.pop(f"{tenant}/{key}", None)

    def restore_content(self, tenant: str, doctype: str, key: str, kept: str) -> None:
        self._hear("restore_content", doctype)
        if kept not in self.archives.objects:
            raise ObjectMissing("There is no content to be copied.")
        self.files.objects[f"{tenant}/{key}"] = self.archives.objects[kept]
        self.writers[f"{tenant}/{key}"] = self.writers[kept]

    def put(self, tenant: str, doctype: str, key: str, record: object, **others: str) -> None:
        """Have the product write a record."""
        body = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        self._of(tenant, doctype)[key] = StoredItem(body, "2026-01-02T03:04:05+00:00", "", dict(others))

    def put_file(self, tenant: str, key: str, content: bytes) -> None:
        """Have the product write a content."""
        self.files.objects[f"{tenant}/{key}"] = content
        self.writers.pop(f"{tenant}/{key}", None)

    def bodies(self, tenant: str, doctype: str) -> dict[str, object]:
        """What a tenant has of a doctype."""
        return {key: json.loads(item.body) for key, item in sorted(self._of(tenant, doctype).items())}

    def source_items(self, tenant: str, doctype: str) -> list[SourceItem]:
        """What an export reads."""
        return [
            SourceItem(
                key,
                line=json_text.one_line(item.body, self.catalog.doctypes[doctype].leave_out),
                file=self._reference(tenant, doctype, key, item),
                directory=_directory(key, item),
                updated_at=unix_seconds(item.changed_at),
            )
            for key, item in sorted(self._of(tenant, doctype).items())
        ]

    def _reference(self, tenant: str, doctype: str, key: str, item: StoredItem) -> FileReference | None:
        content = self.files.objects.get(f"{tenant}/{key}")
        record = json.loads(item.body)
        if content is None or record.get("type") != "file" or not self.catalog.doctypes[doctype].has_files:
            return None
        name, folder = record.get("name") or key, record.get("dir_id") or ""
        return FileReference(
            key,
            name,
            folder,
            f"{tenant}/{key}",
            len(content),
            etag_of(content),
            record.get("mime") or "",
            unix_seconds(record.get("updated_at")),
            record.get("executable") is True,
        )

    def _of(self, tenant: str, doctype: str) -> dict[str, StoredItem]:
        if not self.catalog.importable(doctype):
            raise CatalogError(f"The doctype {doctype} cannot be imported.")
        return self.items.setdefault((tenant, doctype), {})

    def _is_taken(self, tenant: str, doctype: str, name: str, value: str, key: str) -> bool:
        holder, _ = self.holders.get((tenant, doctype, name, value), (key, ""))
        stands = self._of(tenant, doctype).get(holder)
        return holder != key and stands is not None and str(json.loads(stands.body).get(name)) == value

    def _hear(self, method: str, doctype: str) -> None:
        self.hear(method)
        self.calls.append(f"{method} {doctype}")


def _directory(key: str, item: StoredItem) -> Directory | None:
    record = json.loads(item.body)
    return Directory(key, record.get("path") or f"/{key}") if record.get("type") == "directory" else None


def _standing(item: StoredItem) -> Standing:
    import_id, _, state = item.written.partition(":")
    return Standing(item.body, item.dump(), import_id, bool(import_id) and state == item.state)


def _loaded(data: bytes) -> StoredItem:
    return StoredItem(*json.loads(data))
