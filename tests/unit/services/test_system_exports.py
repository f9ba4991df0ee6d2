"""Exports of another system: OS2iot's stand-in, from the catalog to the archive."""

import base64
import csv
import gzip
import io
import json
import tarfile
from typing import Any

import pytest
from tests.fakes import FakeBudget
from tests.system_sources import OpenedSystem
from tests.systems.os2iot.backend import ADMIN, Backend
from tests.systems.os2iot.data import PROFILE, SECRET, made_up
from tests.systems.os2iot.devices import HEADER, csv_of
from tests.systems.serving import Fault
from tests.unit.services.exports import TENANT, Product

from waybill.domain.errors import InvalidOptions, SourceUnavailable
from waybill.domain.estimate import Estimate
from waybill.domain.job import ExportJob
from waybill.domain.options import ExportOptions
from waybill.ports import Sources
from waybill.services.estimate_export import estimate_export
from waybill.services.work_files import last_staged

SECRETS = {"username": ADMIN[0], "password": ADMIN[1]}


DEVICES = "os2iot.iot-devices"
CSV = ExportOptions(with_doctypes=(DEVICES,), format="csv", layout="plain")


class Leaving(Product):
    """A product whose catalog has nothing but another system."""

    opened: OpenedSystem

    @property
    def sources(self) -> Sources:  # type: ignore[override]
        return self.opened.sources


def leaving(backend: Backend | None = None, *, tenants: tuple[str, ...] = (TENANT,), **options: Any) -> Leaving:
    changes = {"tenants": list(tenants), **options.pop("changes", {})}
    opened = OpenedSystem("os2iot", backend or Backend(), SECRETS, changes=changes, **options)
    product = Leaving(catalog=opened.catalog)
    product.opened = opened
    return product


def estimated(product: Product, options: ExportOptions) -> Estimate:
    """What an export with these options would be."""
    return estimate_export(
        TENANT,
        options,
        quota=product.limits,
        catalog=product.catalog,
        sources=lambda _: product.sources,
        jobs=product.jobs,
        clock=product.clock,
    )


def records(product: Product, job: ExportJob) -> dict[str, list[Any]]:
    """The records of a tar, by doctype."""
    found: dict[str, list[Any]] = {}
    for part in product.parts(job):
        with tarfile.open(fileobj=io.BytesIO(part)) as archive:
            for member in archive:
                _, _, path = member.name.partition("/data/")
                if path.endswith(".ndjson"):
                    lines = (archive.extractfile(member) or io.BytesIO()).read().splitlines()
                    found.setdefault(path.partition("/")[0], []).extend(map(json.loads, lines))
    return found


def table(product: Product, job: ExportJob) -> list[list[str]]:
    """The rows of an export that is one CSV, as PapaParse and any other reader of RFC 4180 see them."""
    [part] = product.parts(job)
    return list(csv.reader(io.StringIO(part.decode(), newline="")))


def test_an_operator_leaves_with_one_checked_archive() -> None:
    product = leaving()
    job = product.export()
    manifest = product.manifest(job)
    found = records(product, job)

    assert {name: len(rows) for name, rows in found.items()} == {
        name: line["written"] for name, line in manifest["doctypes"].items() if line["written"]
    }
    assert len(found[DEVICES]) == 237
    assert manifest["doctypes"]["os2iot.service-profiles"] == {"expected": 1, "written": 0, "skipped": 1, "failed": 0}
    assert [gap["code"] for gap in manifest["gaps"]] == ["not_supported"]
    assert all(SECRET.encode() not in gzip.decompress(part) for part in product.parts(job))


def test_the_manifest_says_what_was_left_out() -> None:
    product = leaving()
    assert "**.apiKey" in product.manifest(product.export())["left_out"][DEVICES]

    product = leaving(changes={"include_secrets": True})
    assert product.manifest(product.export())["left_out"] == {}


def test_who_the_catalog_does_not_name_has_nothing_of_the_system() -> None:
    product = leaving(tenants=("somebody",))

    with pytest.raises(InvalidOptions, match=r"'os2iot\.users' is not exported here"):
        product.create(ExportOptions(with_doctypes=("os2iot.users",)))
    with pytest.raises(InvalidOptions, match=r"'os2iot\.users' is not exported here"):
        estimated(product, ExportOptions(with_doctypes=("os2iot.users",)))
    assert product.manifest(product.export())["doctypes"] == {}
    assert product.opened.api.asked == []


def test_an_export_that_failed_goes_on_where_it_stopped() -> None:
    product = leaving(faults=[Fault(r"application/1/iot-devices.*offset=99\b", "status", status=500)])
    job = product.create(ExportOptions(with_doctypes=(DEVICES,), format="tar"))
    [batch] = product.plan(job)

    with pytest.raises(SourceUnavailable, match="offset=99, was answered with 500"):
        product.read(job, batch)
    product.opened.faulty.faults.clear()
    assert product.read(job, batch)
    assert product.plan_parts(job).ready
    assert product.pack(job)
    assert product.finish(job).ready
    assert product.manifest(job)["doctypes"][DEVICES]["written"] == 237


def test_what_was_read_before_a_failure_is_kept_and_not_read_again() -> None:
    options = ExportOptions(with_doctypes=(DEVICES,), format="tar", parts_size=100_000)
    devices = made_up(devices=900)
    product = leaving(
        Backend(devices), faults=[Fault(r"application/1/iot-devices.*offset=792\b", "status", status=500)]
    )
    job = product.create(options)
    [batch] = product.plan(job)

    with pytest.raises(SourceUnavailable, match="offset=792"):
        product.read(job, batch)
    last = last_staged(product.archives, job.id, batch.shards[0])
    assert last is not None
    assert 0 < last.total_records < 793
    product.opened.faulty.faults.clear()
    assert product.read(job, batch)
    assert product.plan_parts(job).ready
    assert product.pack(job)
    assert product.finish(job).ready

    undisturbed = leaving(Backend(made_up(devices=900)))
    assert product.parts(job) == undisturbed.parts(undisturbed.export(options))
    assert product.manifest(job)["doctypes"][DEVICES] == {"expected": 907, "written": 907, "skipped": 0, "failed": 0}


def test_the_same_bytes_come_whether_reading_was_interrupted_or_not() -> None:
    whole = leaving()
    job = whole.export()
    pieces = leaving()
    other = pieces.create()
    for batch in pieces.plan(other):
        while not pieces.read(other, batch, FakeBudget(2)):
            pass
    for number in json.loads(pieces.archives.get(pieces.plan_parts(other).key)):
        assert pieces.pack(other, number)
    assert pieces.finish(other).ready

    assert pieces.parts(other) == whole.parts(job)


def test_devices_as_csv_are_what_the_bulk_import_takes() -> None:
    product = leaving(changes={"include_secrets": True})
    job = product.export(CSV)
    header, *rows = table(product, job)
    cells = {row[1]: dict(zip(header, row, strict=True)) for row in rows}

    assert header[:23] == HEADER.split(",")
    assert header[23:] == ["applicationSessionKey", "devAddr", "fCntUp", "nFCntDown", "networkSessionKey"]
    odd = cells["232"]
    assert (odd["comment"], odd["commentOnLocation"]) == ('a, b\nand "c"', "=1+1; æøå")
    assert (odd["deviceModelId"], odd["apiKey"], odd["type"]) == ("1", "SECRETapi232", "GENERIC_HTTP")
    assert (cells["233"]["devEUI"], cells["233"]["activationType"], cells["233"]["skipFCntCheck"]) == (
        f"{233:016X}",
        "OTAA",
        "false",
    )
    assert cells["233"]["deviceProfileID"] == PROFILE
    assert (cells["234"]["devAddr"], cells["234"]["fCntUp"], cells["234"]["nFCntDown"]) == ("000000EA", "234", "235")
    assert (cells["235"]["mqttpassword"], cells["236"]["mqttpassword"]) == ("SECRETmqtt235", "SECRETmqtt236")
    assert base64.b64decode(cells["236"]["caCertificate"]).startswith(b"-----BEGIN CERTIFICATE-----")
    assert (cells["236"]["mqtttopicname"], cells["236"]["mqttPort"]) == ("all, of/them", "8883")
    assert (cells["238"]["latitude"], cells["238"]["longitude"]) == ("", "")
    assert (cells["2"]["longitude"], cells["2"]["latitude"]) == ("10.202", "56.1")


def test_the_cells_are_those_of_os2iots_own_csv_where_that_is_right() -> None:
    backend = Backend()
    backend.data.devices = [each for each in backend.data.devices if each["_application"] == 1]
    product = leaving(backend, changes={"include_secrets": True})
    ours = table(product, product.export(CSV))

    assert ours == list(csv.reader(io.StringIO(csv_of(backend.data.devices).decode())))


def test_a_csv_without_secrets_has_all_of_its_columns_and_nothing_in_those() -> None:
    product = leaving()
    header, *rows = table(product, product.export(CSV))

    assert header[:23] == HEADER.split(",")
    assert header[23:] == ["devAddr", "fCntUp", "nFCntDown"]
    secrets = [header.index(name) for name in ("apiKey", "mqttpassword", "OTAAapplicationKey")]
    assert {row[column] for row in rows for column in secrets} == {""}


def test_a_sigfox_device_is_left_out_of_the_csv_and_named() -> None:
    product = leaving()
    job = product.export(CSV)

    [gap] = product.manifest(job)["gaps"]
    assert (gap["id"], gap["code"], gap["outcome"]) == ("237", "not_importable", "skipped")
    assert product.manifest(job)["doctypes"][DEVICES] == {"expected": 237, "written": 236, "skipped": 1, "failed": 0}


def test_only_abp_devices_bring_the_columns_of_abp() -> None:
    backend = Backend()
    backend.data.devices = backend.data.devices[:3]
    product = leaving(backend)

    header, *_ = table(product, product.export(CSV))
    assert header == HEADER.split(",")


@pytest.mark.parametrize("archive_format", ["csv", "json", "tar.gz"])
def test_an_estimate_foresees_it(archive_format: str) -> None:
    product = leaving()
    options = ExportOptions(format=archive_format, layout="plain" if archive_format in {"csv", "json"} else "bag")
    estimate = estimated(product, options)

    assert estimate.amounts[DEVICES].records == 237
    assert estimate.limits == []
