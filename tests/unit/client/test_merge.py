"""``python -m client merge``, on chains of exports as they are downloaded."""

import json
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from client.merge import main
from tests.unit.services.chain_exports import CHAIN, Picture, State, content_of, run, show
from tests.unit.services.exports import TENANT, Product, record

from waybill.archive import verify
from waybill.domain import keys
from waybill.domain.chain import Chain
from waybill.domain.job import ExportJob
from waybill.domain.options import ExportOptions
from waybill.services.chains import next_in_chain

REPOSITORY = Path(__file__).parents[3]
STATES = [
    State(
        {"a": "1", "b": "1", "c": "1"},
        {"d1": "/x"},
        {"p": Picture("p.txt", b"1" * 3000, "d1"), "q": Picture("q", b"2")},
    ),
    State({"a": "2", "c": "1"}, {"d1": "/y"}, {"p": Picture("p.txt", b"1" * 3000, "d1"), "r": Picture("q", b"3")}),
    State({"a": "2", "b": "3", "c": "1"}, {"d1": "/y"}, {"p": Picture("%:\U0001f600.txt", b"4", "d1")}),
]
"""Creations, edits, deletions, a record that comes back, and a directory that is called otherwise."""


@dataclass
class Downloads:
    """A chain of exports in folders, one each."""

    folder: Path
    product: Product = field(default_factory=Product)
    jobs: list[ExportJob] = field(default_factory=list)

    def make(self, options: ExportOptions) -> None:
        """Make the chain, and download it."""
        for state in STATES:
            show(self.product, state)
            self.jobs.append(run(self.product, options))
            self.download(self.jobs[-1])

    def download(self, job: ExportJob) -> Path:
        """Put parts and manifest of an export into a folder of its own."""
        folder = self.folder / job.id
        folder.mkdir(parents=True)
        manifest = self.product.manifest(job)
        (folder / "manifest.json").write_bytes(self.product.archives.objects[keys.manifest(job.id)])
        for part, content in zip(manifest["parts"], self.product.parts(job), strict=True):
            (folder / part["name"]).write_bytes(content)
        return folder

    def folders(self) -> list[str]:
        """Where the exports lie."""
        return [str(self.folder / job.id) for job in self.jobs]


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    made = Downloads(tmp_path / "downloads")
    made.make(ExportOptions(format="tar.gz", parts_size=10_240))
    return made


def tree(folder: Path) -> dict[str, bytes]:
    """The files in a folder by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def expected(product: Product) -> dict[str, bytes]:
    """What the full export of the present state holds, as the command writes it."""
    content = content_of(product, product.export(ExportOptions(format="tar")))
    records = {
        f"data/{doctype}/0001-000001.ndjson": b"".join(line + b"\n" for line in lines)
        for doctype, lines in content.records.items()
    }
    return records | dict(content.files)


@pytest.mark.parametrize("format_", ["tar.gz", "tar", "zip"])
def test_a_chain_comes_to_the_full_export(format_: str, tmp_path: Path) -> None:
    downloads = Downloads(tmp_path / "downloads")
    downloads.make(ExportOptions(format=format_))

    assert main([*reversed(downloads.folders()), "--into", str(tmp_path / "whole")]) == 0
    assert tree(tmp_path / "whole") == expected(downloads.product)


def test_every_format_that_can_be_unpacked_will_do_when_it_is(tmp_path: Path, downloads: Downloads) -> None:
    for folder in downloads.folders():
        for part in Path(folder).glob("*.tar.gz"):
            with tarfile.open(part) as archive:
                archive.extractall(folder, filter="data")
            part.unlink()

    assert main([str(downloads.folder), "--into", str(tmp_path / "whole")]) == 0
    assert tree(tmp_path / "whole") == expected(downloads.product)


def test_it_is_a_command(tmp_path: Path, downloads: Downloads) -> None:
    command = [sys.executable, "-m", "client", "merge", str(downloads.folder), "--into", str(tmp_path / "whole")]

    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"3 exports, up to the export {downloads.jobs[-1].id} of ")
    assert tree(tmp_path / "whole") == expected(downloads.product)


def test_each_export_of_a_chain_is_good_by_itself(downloads: Downloads, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in downloads.folders():
        parts = [str(part) for part in Path(folder).glob("*.tar.gz")]
        assert verify.main([*parts, "--manifest", f"{folder}/manifest.json"]) == 0, capsys.readouterr().out


def test_an_export_of_a_chain_whose_counts_do_not_add_up_is_bad(downloads: Downloads) -> None:
    folder = Path(downloads.folders()[1])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["doctypes"]["contacts"]["unchanged"] += 1
    (folder / "manifest.json").write_text(json.dumps(manifest))

    assert verify.main([*map(str, folder.glob("*.tar.gz")), "--manifest", str(folder / "manifest.json")]) == 1


class TestRefusals:
    """Each says what is wrong and leaves nothing behind."""

    def refused(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], *paths: str) -> str:
        assert main([*paths, "--into", str(tmp_path / "whole")]) == 1
        assert tree(tmp_path / "whole") == {}
        return capsys.readouterr().err

    def test_a_missing_link(self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str]) -> None:
        first, second, third = downloads.folders()

        said = self.refused(tmp_path, capsys, first, third)

        assert f"builds on the export {Path(second).name}, which is not here" in said

    def test_a_missing_part(self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str]) -> None:
        part = sorted(Path(downloads.folders()[0]).glob("*.tar.gz"))[-1]
        part.unlink()

        assert f"The part {part.name} of the export" in self.refused(tmp_path, capsys, str(downloads.folder))

    def test_a_missing_manifest(self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str]) -> None:
        parts = [str(part) for part in downloads.folder.rglob("*.tar.gz")]

        assert "No manifest is here" in self.refused(tmp_path, capsys, *parts)

    def test_a_foreign_part(self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str]) -> None:
        stranger = Downloads(tmp_path / "stranger", Product([record("z")]))
        folder = stranger.download(stranger.product.export(ExportOptions()))
        (folder / "manifest.json").unlink()

        assert "is no part of these exports" in self.refused(tmp_path, capsys, *downloads.folders(), str(folder))

    def test_an_export_of_another_chain(
        self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stranger = Downloads(tmp_path / "stranger", Product([record("z")]))
        folder = stranger.download(stranger.product.export(ExportOptions(), chain=Chain("d" * 64)))

        assert "of more than one chain" in self.refused(tmp_path, capsys, *downloads.folders(), str(folder))

    def test_two_that_build_on_the_same_one(
        self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str]
    ) -> None:
        product = downloads.product
        place = next_in_chain(TENANT, CHAIN, chains=product.chains)
        slow = product.create(ExportOptions(), chain=place)
        (batch,) = product.plan(slow)
        product.read(slow, batch)
        downloads.jobs.append(product.export(ExportOptions(), chain=place))
        downloads.download(downloads.jobs[-1])
        product.plan_parts(slow)
        product.pack(slow)
        product.finish(slow)
        folder = downloads.download(product.jobs.get(TENANT, slow.id))

        assert "The chain splits" in self.refused(tmp_path, capsys, *downloads.folders(), str(folder))
        assert main([*downloads.folders(), "--into", str(tmp_path / "other")]) == 0

    @pytest.mark.parametrize("place", [100, -100])
    def test_a_damaged_part(
        self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str], place: int
    ) -> None:
        part = next(Path(downloads.folders()[1]).glob("*.tar.gz"))
        content = bytearray(part.read_bytes())
        content[place] ^= 1
        part.write_bytes(content)

        assert f"{part} is no part of these exports, or it was changed" in self.refused(
            tmp_path, capsys, str(downloads.folder)
        )

    def test_an_unpacked_part_with_another_content(
        self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = Path(downloads.folders()[0])
        part = next(folder.glob("*.tar.gz"))
        with tarfile.open(part) as archive:
            archive.extractall(folder, filter="data")
        part.unlink()
        changed = next(folder.rglob("data/contacts/*.ndjson"))
        changed.write_bytes(changed.read_bytes().replace(b'"1"', b'"9"'))

        assert "is not what it was" in self.refused(tmp_path, capsys, str(downloads.folder))

    def test_an_export_that_is_complete_by_itself(
        self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = downloads.download(downloads.product.export(ExportOptions()))

        assert "complete by itself" in self.refused(tmp_path, capsys, *downloads.folders(), str(folder))

    def test_something_that_is_no_manifest(
        self, tmp_path: Path, downloads: Downloads, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (downloads.folder / "other.json").write_text("[]")

        assert "not a manifest of Waybill's" in self.refused(tmp_path, capsys, str(downloads.folder))


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path, downloads: Downloads) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "mine").write_text("mine")

    assert main([str(downloads.folder), "--into", str(tmp_path / "whole")]) == 2
    assert tree(tmp_path / "whole") == {"mine": b"mine"}


def test_what_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere"), "--into", str(tmp_path / "whole")]) == 2
    assert f"{tmp_path / 'nowhere'} cannot be used" in capsys.readouterr().err


def test_what_this_python_cannot_read_is_to_be_unpacked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = Downloads(tmp_path / "downloads")
    downloads.make(ExportOptions(format="tar.zst"))
    monkeypatch.setattr(sys, "version_info", (3, 13))

    assert main([str(downloads.folder), "--into", str(tmp_path / "whole")]) == 2
    assert "Unpack it" in capsys.readouterr().err
