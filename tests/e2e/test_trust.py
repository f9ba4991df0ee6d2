"""What an export is checked with: its signature, the public key and the metalink, as a stranger's tools take them."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from local import web
from local.stack_file import Stack
from tests.e2e.support import Tenant, Unpacked

pytestmark = pytest.mark.e2e

METALINK = "{urn:ietf:params:xml:ns:metalink}"


@pytest.fixture(scope="module")
def signed(stack: Stack, owner: Tenant, owner_export: Unpacked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the manifest, its signature and the public key, as they are downloaded."""
    folder = tmp_path_factory.mktemp("signed")
    links = owner_export.export["links"]
    (folder / "manifest.json").write_bytes(owner.api.call("GET", links["manifest"]).body)
    (folder / "manifest.json.sig").write_bytes(owner.api.call("GET", links["signature"]).body)
    (folder / "waybill.pem").write_bytes(web.request("GET", f"{stack.api_url}/.well-known/waybill.pem").body)
    return folder


def openssl(folder: Path) -> subprocess.CompletedProcess[str]:
    check = ["openssl", "dgst", "-sha256", "-verify", "waybill.pem", "-signature", "manifest.json.sig", "manifest.json"]
    return subprocess.run(check, cwd=folder, check=False, capture_output=True, text=True)


def test_openssl_finds_the_signature_good(signed: Path) -> None:
    assert openssl(signed).stdout == "Verified OK\n"


def test_openssl_finds_a_changed_manifest_out(signed: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(signed, changed)
    text = (changed / "manifest.json").read_bytes()
    (changed / "manifest.json").write_bytes(text.replace(b'"failed":0', b'"failed":1', 1))
    assert openssl(changed).returncode == 1


def test_the_key_is_public_and_may_be_kept(stack: Stack) -> None:
    answer = web.request("GET", f"{stack.api_url}/.well-known/waybill.pem")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-pem-file"
    assert answer.headers["cache-control"] == "public, max-age=3600"


def test_the_signature_and_the_metalink_are_the_owners_alone(
    stack: Stack, owner_export: Unpacked, stranger: Tenant
) -> None:
    for name in ("signature", "metalink"):
        path = owner_export.export["links"][name]
        assert stranger.api.call("GET", path).status == 404
        assert web.request("GET", f"{stack.api_url}{path}").status == 401


def test_the_metalinks_urls_give_the_parts(owner: Tenant, owner_export: Unpacked) -> None:
    answer = owner.api.call("GET", owner_export.export["links"]["metalink"])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/metalink4+xml")
    files = ElementTree.fromstring(answer.body).findall(f"{METALINK}file")
    assert [file.findtext(f"{METALINK}hash") for file in files] == owner_export.digests
    for file in files:
        content = web.request("GET", file.findtext(f"{METALINK}url") or "").body
        assert hashlib.sha256(content).hexdigest() == file.findtext(f"{METALINK}hash")


def test_the_program_in_the_archive_finds_it_good(signed: Path, owner_export: Unpacked) -> None:
    given = ["--manifest", "manifest.json", "--signature", "manifest.json.sig", "--key", "waybill.pem"]
    program = owner_export.bags[0] / "verify.py"
    for paths in (owner_export.archives, owner_export.bags):
        command: list[str | Path] = [sys.executable, "-I", program, *given, *paths]
        done = subprocess.run(command, cwd=signed, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_every_piece_can_be_fetched_and_checked_alone(owner: Tenant, owner_export: Unpacked) -> None:
    metalink = ElementTree.fromstring(owner.api.call("GET", owner_export.export["links"]["metalink"]).body)
    pieces = 0
    for file in metalink.iter(f"{METALINK}file"):
        listed = file.find(f"{METALINK}pieces")
        assert listed is not None
        length = int(listed.attrib["length"])
        for number, digest in enumerate(listed.findall(f"{METALINK}hash")):
            wanted = {"Range": f"bytes={number * length}-{(number + 1) * length - 1}"}
            piece = web.request("GET", file.findtext(f"{METALINK}url") or "", headers=wanted)
            assert piece.status == 206
            assert hashlib.sha256(piece.body).hexdigest() == digest.text
            pieces += 1
    assert pieces > len(owner_export.archives)
