"""Checks a downloaded export against its manifest, part by part, with other people's tools where there are any."""

import hashlib
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.unpacking import unpack

_PIECE = 1024 * 1024
_BAG_MANIFEST = "manifest-sha256.txt"


@dataclass
class Findings:
    """What was found wrong, and where the bags lie."""

    faults: list[str] = field(default_factory=list)
    bags: list[Path] = field(default_factory=list)

    def expect(self, what: str, found: object, expected: object) -> None:
        """Note a fault unless ``found`` is what was ``expected``."""
        if found != expected:
            self.faults.append(f"{what} is {found!r}, but the manifest says {expected!r}.")


def check(manifest: dict[str, Any], parts: dict[str, Path], target: Path) -> Findings:
    """Unpack the parts, given by their cursors, into ``target`` and check all that the manifest says about them."""
    findings = Findings()
    findings.expect("The set of downloaded parts", sorted(parts), sorted(part["cursor"] for part in manifest["parts"]))
    numbers = [part["number"] for part in manifest["parts"]]
    findings.expect("The numbering of parts", numbers, list(range(1, len(numbers) + 1)))
    for part in manifest["parts"]:
        if part["cursor"] in parts:
            _check_part(part, parts[part["cursor"]], target, findings)
            _check_group(manifest, part, findings)
    for name, line in {**manifest["doctypes"], "files": manifest["files"]}.items():
        accounted = line["written"] + line.get("unchanged", 0) + line["skipped"] + line["failed"]
        findings.expect(f"The sum of {name}", accounted, line["expected"])
    _check_records(manifest, findings)
    return findings


def _check_part(part: dict[str, Any], archive: Path, target: Path, findings: Findings) -> None:
    name = part["name"]
    findings.expect(f"The size of {name}", archive.stat().st_size, part["size"])
    _check_digests(part, archive, findings)
    tops = unpack(archive, target)
    findings.expect(f"The number of directories that {name} unpacks to", len(tops), 1)
    bag = target / tops.pop()
    findings.bags.append(bag)
    payload = [path for path in (bag / "data").rglob("*") if path.is_file()] if (bag / "data").is_dir() else []
    findings.expect(f"The number of entries in {name}", len(payload), part["entries"])
    findings.expect(f"The payload of {name}", sum(path.stat().st_size for path in payload), part["payload_size"])
    findings.expect(f"The entry list of {name}", _sha256(bag / _BAG_MANIFEST), part["entry_list_sha256"])
    bagit = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bagit", "--validate", "--quiet", str(bag)],
        capture_output=True,
        text=True,
        check=False,
    )
    if bagit.returncode:
        findings.faults.append(f"bagit finds {name} no valid bag: {bagit.stderr.strip()[-500:]}")


def _check_digests(part: dict[str, Any], archive: Path, findings: Findings) -> None:
    """Check the digests of a part as downloaded. Where the store copied files into it, there may be none."""
    if part["sha256"] is not None:
        findings.expect(f"The SHA-256 of {part['name']}", _sha256(archive), part["sha256"])
    if part["crc32"] is not None:
        findings.expect(f"The CRC-32 of {part['name']}", _crc32(archive), part["crc32"])


def _check_group(manifest: dict[str, Any], part: dict[str, Any], findings: Findings) -> None:
    """Check that the bag names itself as a member of the export's group."""
    lines = (findings.bags[-1] / "bag-info.txt").read_text(encoding="utf-8").splitlines()
    info = dict(line.split(": ", 1) for line in lines if ": " in line)
    findings.expect(f"The group of {part['name']}", info.get("Bag-Group-Identifier"), manifest["group"])
    wanted = f"{part['number']} of {len(manifest['parts'])}"
    findings.expect(f"The place of {part['name']} in its group", info.get("Bag-Count"), wanted)


def _check_records(manifest: dict[str, Any], findings: Findings) -> None:
    """Count the records that really are there, by doctype, and the files."""
    for doctype, line in manifest["doctypes"].items():
        found = sum(1 for _ in record_lines(findings.bags, doctype))
        findings.expect(f"The number of records of {doctype}", found, line["written"])
    files = sum(1 for bag in findings.bags for path in (bag / "data" / "files").rglob("*") if path.is_file())
    findings.expect("The number of files", files, manifest["files"]["written"])


def record_lines(bags: list[Path], doctype: str) -> Iterator[bytes]:
    """Yield every record of a doctype, as it lies in the bags."""
    for bag in bags:
        for path in sorted((bag / "data" / doctype).glob("*.ndjson")):
            with path.open("rb") as lines:
                yield from lines


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    for piece in _read(path):
        digest.update(piece)
    return digest.hexdigest()


def _crc32(path: Path) -> str:
    total = 0
    for piece in _read(path):
        total = zlib.crc32(piece, total)
    return f"{total:08x}"


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
