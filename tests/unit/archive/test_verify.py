"""verify.py, run as people run it: on good parts, and on parts that something happened to."""

import ast
import copy
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.unit.archive.cozy_exports import CozyExport
from tests.unit.archive.exports import extract
from tests.unit.services.exports import TENANT, Product, picture, record

from waybill.archive import copying
from waybill.archive.enclosed import VERIFY, enclosed
from waybill.domain import keys
from waybill.domain.options import COZY, MEBIBYTE, PLAIN, ExportOptions
from waybill.domain.plan import StoredDigests
from waybill.services import part_upload
from waybill.services.get_manifest_signature import get_manifest_signature

REPOSITORY = Path(__file__).parents[3]
PROGRAM = REPOSITORY / "layers/waybill/python/waybill/archive/verify.py"
SMALL = ExportOptions(parts_size=20_000)


def run(*arguments: object, program: Path = PROGRAM) -> tuple[int, str]:
    command = [sys.executable, "-I", str(program), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.stderr == ""
    return done.returncode, done.stdout


@dataclass(frozen=True)
class Download:
    """An export in a folder, as it is downloaded."""

    folder: Path

    @property
    def parts(self) -> list[Path]:
        return sorted(self.folder.glob("waybill-part-*"))

    @property
    def signed(self) -> list[str]:
        names = {"manifest": "manifest.json", "signature": "manifest.json.sig", "key": "waybill.pem"}
        return [word for option, name in names.items() for word in (f"--{option}", str(self.folder / name))]


def download(folder: Path, options: ExportOptions = SMALL, *, seed: str = "a") -> Download:
    contents = [hashlib.shake_256(f"{seed}{number}".encode()).digest(6_000) for number in range(8)]
    product = Product([record("ada", seed)], [picture(f"p{n}\u00e9", content) for n, content in enumerate(contents)])
    product.files.objects = {f"{TENANT}/p{n}\u00e9": content for n, content in enumerate(contents)}
    product.files.digests = {
        key: StoredDigests(hashlib.sha256(content).hexdigest()) for key, content in product.files.objects.items()
    }
    product.archives.least_piece = 0
    job = product.export(options)
    folder.mkdir()
    for part, data in zip(product.manifest(job)["parts"], product.parts(job), strict=True):
        (folder / part["name"]).write_bytes(data)
    (folder / "manifest.json").write_bytes(product.archives.objects[keys.manifest(job.id)])
    signature = get_manifest_signature(
        TENANT, job.id, jobs=product.jobs, archives=product.archives, clock=product.clock
    )
    (folder / "manifest.json.sig").write_bytes(signature)
    (folder / "waybill.pem").write_bytes(product.signer.public_key_pem())
    return Download(folder)


@pytest.fixture
def export(tmp_path: Path) -> Download:
    made = download(tmp_path / "export")
    assert len(made.parts) >= 4
    return made


def test_a_good_export_is_good(export: Download) -> None:
    assert run(export.folder, *export.signed)[0] == 0
    code, said = run(*export.parts)
    assert (code, "All is well" in said, "signature was not checked" in said) == (0, True, True)


def test_unpacked_parts_are_good_too_and_the_program_in_them_says_so(tmp_path: Path) -> None:
    large = download(tmp_path / "large", ExportOptions(parts_size=MEBIBYTE))
    (part,) = large.parts
    bag = extract(part.read_bytes(), tmp_path / "unpacked")

    assert run(bag, *large.signed, program=bag / VERIFY)[0] == 0
    (bag / VERIFY).write_text("")
    assert "changed: verify.py" in run(bag)[1]


def test_small_parts_have_no_room_for_it() -> None:
    assert enclosed(MEBIBYTE - 1) == {}
    assert list(enclosed(MEBIBYTE)) == [VERIFY]


@pytest.mark.parametrize("cut", [1, 9, 4_000])
def test_a_truncated_part(export: Download, cut: int) -> None:
    part = export.parts[1]
    part.write_bytes(part.read_bytes()[:-cut])

    for arguments in ([], export.signed):
        code, said = run(export.folder, *arguments)
        assert (code, "truncated" in said, "missing" in said) == (1, True, False)


def test_a_part_that_is_cut_between_two_members(export: Download) -> None:
    part = export.parts[1]
    tar = gzip.decompress(part.read_bytes())
    part.write_bytes(gzip.compress(tar[: len(tar) // 1024 * 512]))

    code, said = run(part)
    assert (code, "truncated" in said) == (1, True)


def test_a_changed_byte_anywhere(export: Download) -> None:
    part = export.parts[1]
    good = part.read_bytes()
    for position in (0, 40, len(good) // 2, len(good) - 6):
        part.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        code, said = run(export.folder)
        assert (code, f"BAD  {part}" in said) == (1, True)


def test_a_file_that_was_changed_added_or_removed(export: Download, tmp_path: Path) -> None:
    bag = extract(export.parts[1].read_bytes(), tmp_path / "unpacked")
    first, second = sorted(path for path in (bag / "data").rglob("*") if path.is_file())[:2]
    first.write_bytes(b"changed")
    second.unlink()
    (bag / "data" / "extra.txt").write_text("extra")
    (bag / "link").symlink_to("/etc/passwd")

    code, said = run(bag)

    assert code == 1
    assert f"changed: {first.relative_to(bag)}" in said
    assert f"missing: {second.relative_to(bag)}" in said
    assert "extra: data/extra.txt" in said
    assert "extra: link is a link" in said


def test_a_missing_part(export: Download) -> None:
    export.parts[2].unlink()

    for arguments in ([], export.signed):
        code, said = run(export.folder, *arguments)
        assert (code, "missing part: " in said) == (1, True)


def test_a_part_of_another_export_in_place_of_ones_own(export: Download, tmp_path: Path) -> None:
    other = download(tmp_path / "other", seed="b")
    export.parts[1].write_bytes(other.parts[1].read_bytes())

    for arguments in ([], export.signed):
        code, said = run(export.folder, *arguments)
        assert (code, "foreign part" in said) == (1, True)


def test_a_part_of_the_same_data_cut_otherwise(export: Download, tmp_path: Path) -> None:
    other = download(tmp_path / "other", ExportOptions(parts_size=20_001))
    export.parts[1].write_bytes(other.parts[1].read_bytes())

    assert "foreign part" in run(export.folder)[1]


def test_a_manifest_that_was_changed_and_one_that_does_not_add_up(export: Download) -> None:
    manifest = json.loads((export.folder / "manifest.json").read_text())
    manifest["doctypes"]["contacts"]["written"] -= 1
    (export.folder / "manifest.json").write_text(json.dumps(manifest))

    code, said = run(export.folder, *export.signed)

    assert (code, "counts of contacts do not add up" in said, "the signature is not" in said) == (1, True, True)


def test_what_cannot_be_checked_is_said_and_ends_with_2(export: Download, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty") == (2, f"There is no part in {tmp_path / 'empty'}.\n")
    assert run(tmp_path / "nothing")[0] == 2
    assert run(export.folder, "--manifest", export.folder / "waybill.pem")[0] == 2


@pytest.mark.parametrize("path", ["../../outside", "/etc/passwd", "waybill-part-00001-of-00001/../../outside"])
def test_an_entry_that_leads_outside_is_named_and_never_written(tmp_path: Path, path: str) -> None:
    hostile = io.BytesIO()
    with tarfile.open(fileobj=hostile, mode="w:gz") as archive:
        for name in ("waybill-part-00001-of-00001/bagit.txt", path):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
    part = tmp_path / "part.tar.gz"
    part.write_bytes(hostile.getvalue())

    assert run(part)[0] == 1
    assert list(tmp_path.iterdir()) == [part]


@pytest.mark.parametrize("name", ["tar", "zip"])
class TestOtherFormats:
    def test_good_parts_are_good(self, tmp_path: Path, name: str) -> None:
        made = download(tmp_path / "parts", replace(SMALL, format=name))

        code, said = run(*made.signed, made.folder)

        assert (code, len(made.parts) > 1) == (0, True), said

    def test_a_truncated_part_is_found(self, tmp_path: Path, name: str) -> None:
        made = download(tmp_path / "parts", replace(SMALL, format=name))
        part = made.parts[0]
        part.write_bytes(part.read_bytes()[:-2_000])

        code, said = run(made.folder)

        assert (code, "truncated" in said) == (1, True), said

    def test_a_changed_part_is_found(self, tmp_path: Path, name: str) -> None:
        made = download(tmp_path / "parts", replace(SMALL, format=name))
        content = hashlib.shake_256(b"a3").digest(6_000)
        part = next(each for each in made.parts if content in each.read_bytes())
        part.write_bytes(part.read_bytes().replace(content, content[::-1]))

        code, said = run(made.folder)

        assert (code, "changed" in said) == (1, True), said


class TestPartsWithCopiedFiles:
    """Of these the manifest names the CRC-32 and no SHA-256."""

    @pytest.fixture
    def made(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Download:
        monkeypatch.setattr(copying, "LEAST_COPIED", 6_000)
        monkeypatch.setattr(part_upload, "LEAST_PIECE", 1_000)
        made = download(tmp_path / "parts", replace(SMALL, format="tar"))
        manifest = json.loads((made.folder / "manifest.json").read_text())
        assert all(part["sha256"] is None for part in manifest["parts"] if part["payload_size"] > 6_000)
        return made

    def test_good_ones_are_good(self, made: Download) -> None:
        code, said = run(made.folder, *made.signed)

        assert (code, "All is well" in said) == (0, True), said

    def test_a_byte_that_no_list_covers_is_missed_by_the_checksum(self, made: Download) -> None:
        data = bytearray(made.parts[-1].read_bytes())
        data[-1] = 1
        made.parts[-1].write_bytes(data)

        code, said = run(made.folder, *made.signed)

        assert (code, "is not the part of" in said) == (1, True), said

    def test_a_part_of_another_content_is_told_by_its_list(self, made: Download, tmp_path: Path) -> None:
        manifest = json.loads((made.folder / "manifest.json").read_text())
        for part in manifest["parts"]:
            part["crc32"], part["entry_list_sha256"] = None, "0" * 64
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))

        code, said = run(made.folder, "--manifest", tmp_path / "manifest.json")

        assert (code, "its list of files is not the one" in said) == (1, True), said


def cozy_export(folder: Path, *, group: str = "f" * 32) -> Download:
    """Parts for Cozy, as they are downloaded, without a manifest."""
    export = CozyExport()
    export.add_documents("io.cozy.contacts", {"ada": b'{"_id": "ada"}'})
    export.add_directory("d1", "/photos")
    for number in range(8):
        content = hashlib.shake_256(f"{group}{number}".encode()).digest(6_000)
        export.add_pair(f"f{number}", f"photos/{number}.jpg", content, mime="image/jpeg")
    folder.mkdir()
    for part in export.pack(20_000, group=group):
        (folder / part.packed.name).write_bytes(part.data)
    return Download(folder)


COZY_OPTIONS = replace(SMALL, format="zip", layout=COZY)


class TestPartsForCozy:
    def test_good_parts_are_good(self, tmp_path: Path) -> None:
        alone = cozy_export(tmp_path / "alone")
        made = download(tmp_path / "parts", COZY_OPTIONS)

        assert len(alone.parts) > 2
        assert run(alone.folder)[0] == 0
        code, said = run(made.folder, *made.signed)
        assert (code, len(made.parts) > 2) == (0, True), said

    def test_a_truncated_part_is_found(self, tmp_path: Path) -> None:
        made = cozy_export(tmp_path / "parts")
        part = made.parts[0]
        part.write_bytes(part.read_bytes()[:-2_000])

        code, said = run(made.folder)

        assert (code, "truncated" in said) == (1, True), said

    def test_a_changed_file_is_found_by_its_checksum(self, tmp_path: Path) -> None:
        made = cozy_export(tmp_path / "parts")
        content = hashlib.shake_256(b"f" * 32 + b"3").digest(6_000)
        part = next(each for each in made.parts if content in each.read_bytes())
        part.write_bytes(part.read_bytes().replace(content, content[::-1]))

        code, said = run(made.folder)

        assert (code, "changed: it is damaged" in said) == (1, True), said

    def test_a_foreign_part_is_found_by_its_comment(self, tmp_path: Path) -> None:
        made, other = cozy_export(tmp_path / "parts"), cozy_export(tmp_path / "other", group="0" * 32)
        made.parts[1].write_bytes(other.parts[1].read_bytes())

        code, said = run(made.folder)

        assert (code, "foreign part" in said, "missing part" in said) == (1, True, True), said

    def test_a_missing_part_is_found(self, tmp_path: Path) -> None:
        made = cozy_export(tmp_path / "parts")
        made.parts[1].unlink()

        code, said = run(made.folder)

        assert (code, "missing part: of" in said) == (1, True), said

    def test_a_record_without_its_file_and_a_file_without_its_record_are_found(self, tmp_path: Path) -> None:
        part = cozy_export(tmp_path / "parts").parts[-1]
        with zipfile.ZipFile(part) as archive:
            (record, text), (file, content) = [(name, archive.read(name)) for name in archive.namelist()[:2]]
            comment = archive.comment

        for entries, fault in (
            ([(record, text)], f"missing: the file of {record}"),
            ([(file, content)], f"changed: {file} does not stand behind"),
            ([(record, text), (file, content[1:])], f"changed: {file} is not what its record says"),
            ([(record, text), (file, content[::-1])], f"changed: {file} is not what its record says"),
            ([("elsewhere", b"")], "never writes"),
        ):
            with zipfile.ZipFile(part, "w") as archive:
                archive.comment = comment
                for name, data in entries:
                    archive.writestr(name, data)
            assert fault in run(part)[1]

    def test_a_part_with_another_checksum_than_the_manifest_has_is_changed(self, tmp_path: Path) -> None:
        made = download(tmp_path / "parts", COZY_OPTIONS)
        manifest = json.loads((made.folder / "manifest.json").read_text())
        for field, wrong in (("sha256", "0" * 64), ("crc32", "0" * 8)):
            changed = copy.deepcopy(manifest)
            changed["parts"][1].update({"sha256": None, "crc32": None, field: wrong})
            (made.folder / "changed.json").write_text(json.dumps(changed))

            code, said = run(made.folder, "--manifest", made.folder / "changed.json")

            assert (code, "is not the part of" in said) == (1, True), said


@pytest.mark.parametrize("name", ["json", "csv"])
class TestRecordsAlone:
    def test_good_files_are_good_whatever_became_of_the_colons(self, tmp_path: Path, name: str) -> None:
        made = records_alone(tmp_path / "parts", name)

        code, said = run(made.folder, *made.signed)
        assert (code, "All is well: 2 parts" in said) == (0, True), said
        for path in made.folder.glob("*_exported_*"):
            path.rename(path.with_name(path.name.replace(":", "_")))
        assert run(made.folder, *made.signed)[0] == 0

    def test_a_truncated_a_changed_and_a_missing_file_are_found(self, tmp_path: Path, name: str) -> None:
        made = records_alone(tmp_path / "parts", name)
        (part,) = made.folder.glob("*_exported_contacts.*")
        good = part.read_bytes()

        for bad, fault in ((good[:-3], "truncated"), (good.replace(b"a", b"b"), "changed")):
            part.write_bytes(bad)
            code, said = run(made.folder, *made.signed)
            assert (code, fault in said) == (1, True), said
        part.unlink()
        assert "missing part: the manifest names" in run(made.folder, *made.signed)[1]

    def test_without_a_manifest_nothing_is_called_good(self, tmp_path: Path, name: str) -> None:
        made = records_alone(tmp_path / "parts", name)

        code, said = run(made.folder)

        assert (code, "give --manifest" in said) == (2, True), said


def records_alone(folder: Path, name: str) -> Download:
    return download(folder, ExportOptions(format=name, layout=PLAIN, without_files=True))


def test_what_this_python_cannot_read_is_said_and_not_called_good(tmp_path: Path) -> None:
    made = download(tmp_path / "parts", replace(SMALL, format="tar.zst"))

    code, said = run(made.folder)

    expected = (0, "All is well") if sys.version_info >= (3, 14) else (2, "Unpack it")
    assert (code, expected[1] in said) == (expected[0], True), said


def test_it_is_python_3_9_and_stands_alone() -> None:
    tree = ast.parse(PROGRAM.read_text(), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_the_client_runs_the_same(export: Download) -> None:
    command = [sys.executable, "-m", "client", "verify", str(export.folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=REPOSITORY)
    assert (done.returncode, "All is well" in done.stdout) == (0, True)
