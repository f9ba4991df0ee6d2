"""Sources of other systems without a network: a system's ready-made catalog, its stand-in, and what joins them."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml
from tests.fakes import MemoryObjects
from tests.rest_fakes import FakeApi, FakeSecrets, FakeTime
from tests.systems.serving import Fault, Faulty, Handle

from waybill.domain.catalog import Catalog, SystemSource
from waybill.entry.catalog_file import load_catalog
from waybill.ports import SourceItem
from waybill.sources.registry import CatalogSources
from waybill.sources.system import Tools
from waybill.sources.systems import SYSTEMS

REPOSITORY = Path(__file__).parents[1]
SYSTEM_CATALOGS = REPOSITORY / "layers" / "catalog" / "systems"
OPERATOR = "operator"


def system_catalog(system: str, changes: Mapping[str, object] | None = None) -> Catalog:
    """The catalog that we ship for a system, with some fields of its source changed."""
    with tempfile.TemporaryDirectory() as folder:
        text = yaml.safe_load((SYSTEM_CATALOGS / f"{system}.yaml").read_text(encoding="utf-8"))
        text["sources"][system] |= changes or {}
        (Path(folder) / "catalog.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
        shutil.copytree(SYSTEM_CATALOGS.parent / "schemas", Path(folder) / "schemas")
        return load_catalog(Path(folder), {})


class _NoTables:
    """Nothing of another system is in a table."""

    def call(self, operation: str, payload: Mapping[str, object]) -> bytes:
        raise AssertionError(operation)


class OpenedSystem:
    """A system that is read from its stand-in. ``api`` has seen every request."""

    def __init__(
        self,
        system: str,
        stand_in: Handle,
        secret: Mapping[str, str],
        *,
        faults: list[Fault] | None = None,
        changes: Mapping[str, object] | None = None,
    ) -> None:
        self.catalog = system_catalog(system, changes)
        self.faulty = Faulty(stand_in, faults)
        self.api = FakeApi(self.faulty)
        self.time = FakeTime()
        source = next(iter(self.catalog.doctypes.values())).source
        assert isinstance(source, SystemSource)
        self.secrets = FakeSecrets({source.secret: json.dumps(secret)})
        tools = Tools(self.api, self.secrets, self.time.timing())
        self.sources = CatalogSources(
            self.catalog,
            tables=_NoTables(),
            bucket=lambda _: MemoryObjects(),
            system=lambda source: SYSTEMS[source.kind]().opened(source, tools),
        )

    def items(self, doctype: str, after: str | None = None) -> list[SourceItem]:
        """All that a doctype has behind a key."""
        source = self.sources.of(doctype)
        [shard] = source.shards(tenant=OPERATOR, start=0)
        return list(source.read(tenant=OPERATOR, shard=shard, after=after))

    def records(self, doctype: str) -> list[dict[str, object]]:
        """The records of a doctype."""
        return [json.loads(item.line) for item in self.items(doctype) if item.line is not None]
