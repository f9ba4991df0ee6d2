"""``make demo``: the main job from end to end, as the demo user ``owner``. Exit 0 only if every check passed.

``make demo FORMAT=zip`` makes it in another format than the default. ``make demo SYSTEM=os2iot`` leaves that system,
into which nothing is brought back.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

from local import checks
from local.coming_back import bring_back
from local.errors import LocalError, run
from local.exports_api import ExportsApi
from local.lock import exclusive
from local.paths import OUT, SYSTEM
from local.stack_file import Stack
from local.up import bring_up, take_down

_PARTS_SIZE = 40_000_000
"""Bytes. Small enough for the demo data to make several parts."""


_SHOWN = 90


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description="Make an export, download it, check it.")
    parser.add_argument("format", nargs="?", default="tar.gz", help="of the archives, as the API names it")
    asked = parser.parse_args().format
    stack, started_here = bring_up()
    try:
        _demonstrate(stack, asked)
    finally:
        if started_here:
            with exclusive():
                take_down()
            print("The stack is stopped again.")


def _demonstrate(stack: Stack, archive_format: str) -> None:
    owner = stack.users["owner"]
    api = ExportsApi(stack.api_url, owner.token)
    export = api.create(parts_size=_PARTS_SIZE, format=archive_format)
    print(f"\nPOST {stack.api_url}/move/exports → 202, export {export['id']}")
    export = _watch(api, export["id"])
    manifest = api.manifest(export["id"])
    archives, bags = _fresh_folders()
    parts = _download(api, export, manifest, archives)
    print("Unpacking and checking …")
    findings = checks.check(manifest, parts, bags)
    _print_ledger(manifest)
    _print_parts(manifest)
    print(f"\nThe archives lie in {archives}, unpacked in {bags}")
    if findings.faults:
        raise LocalError("The export is NOT what its manifest says:\n  " + "\n  ".join(findings.faults))
    if SYSTEM:
        _print_contents(manifest, findings.bags)
    elif manifest["gaps"]:
        raise LocalError(f"The export is complete but for {len(manifest['gaps'])} gaps, and the demo data has none.")
    print("Every check passed: sizes, digests, entry lists, BagIt (bagit.py), group, counts of records and files.")
    if not SYSTEM:
        bring_back(stack, parts.values(), manifest)


def _watch(api: ExportsApi, export_id: str) -> dict[str, Any]:
    """Show the progress until the export no longer runs."""
    shown = ""
    for export in api.watch(export_id):
        progress = export["meta"].get("progress", {})
        line = f"{progress.get('records', 0):,} records, {progress.get('bytes', 0) / 1e6:,.1f} MB"
        if line != shown and export["attributes"]["state"] == "exporting":
            print(f"  {progress.get('percentage', 0):3d} %  {line}", flush=True)
            shown = line
    attributes = export["attributes"]
    if attributes["state"] != "done":
        raise LocalError(f"The export ended in state {attributes['state']}: {attributes['error']}")
    print(f"  done after {attributes['creation_duration'] / 1e9:.1f} s, {attributes['parts_length']} part(s)")
    return export


def _fresh_folders() -> tuple[Path, Path]:
    folder = OUT / (f"demo-{SYSTEM}" if SYSTEM else "demo")
    shutil.rmtree(folder, ignore_errors=True)
    archives, bags = folder / "archives", folder / "bags"
    archives.mkdir(parents=True)
    bags.mkdir()
    return archives, bags


def _download(api: ExportsApi, export: dict[str, Any], manifest: dict[str, Any], archives: Path) -> dict[str, Path]:
    """Download every part that the export names."""
    names = {part["cursor"]: part["name"] for part in manifest["parts"]}
    parts = {}
    for cursor in export["attributes"]["parts_cursors"]:
        name = Path(names.get(cursor, f"{cursor}.unnamed")).name
        print(f"Downloading {name} …", flush=True)
        parts[cursor] = archives / name
        api.download(export["id"], cursor, parts[cursor])
    return parts


def _print_ledger(manifest: dict[str, Any]) -> None:
    print(f"\n{'doctype':28}{'expected':>10}{'written':>10}{'skipped':>10}{'failed':>10}")
    for name, line in {**manifest["doctypes"], "(files)": manifest["files"]}.items():
        print(f"{name:28}{line['expected']:>10}{line['written']:>10}{line['skipped']:>10}{line['failed']:>10}")


def _print_contents(manifest: dict[str, Any], bags: list[Path]) -> None:
    """Show one record of every doctype, shortened, and what stayed behind."""
    print("\nOne of each:")
    for doctype in manifest["doctypes"]:
        line = next(checks.record_lines(bags, doctype), None)
        if line is not None:
            print(f"  {doctype:28} {line.decode().strip()[:_SHOWN]}")
    for gap in manifest["gaps"]:
        print(f"  {gap['outcome']}: {gap['doctype']} {gap['id']}: {gap['reason']}")
    fields = sorted({field for left_out in manifest["left_out"].values() for field in left_out})
    print(f"\nLeft out as secrets: {', '.join(fields) or 'nothing'}")


def _print_parts(manifest: dict[str, Any]) -> None:
    print(f"\n{'part':44}{'bytes':>12}{'entries':>9}  digest")
    for part in manifest["parts"]:
        print(f"{part['name']:44}{part['size']:>12}{part['entries']:>9}  {_digest(part)}")


def _digest(part: dict[str, Any]) -> str:
    """Name the strongest digest that the manifest has of a part as downloaded."""
    if part["sha256"] is not None:
        return f"SHA-256 {part['sha256']}"
    return "none but those of its entries" if part["crc32"] is None else f"CRC-32 {part['crc32']}"


if __name__ == "__main__":
    run(_main)
