"""Fingerprints of what a running stack was made from, to notice that it is no longer what lies in the checkout."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from local.paths import ROOT, STATE, SYSTEM

_NOTE = STATE / "made-from.json"
_ENGINE = ("local", "requirements/local.txt", "requirements/lambda.txt")
_DEPLOYMENT = ("template.yaml", "functions", "layers")
_STAND_INS = ("tests/systems",)


def now() -> dict[str, str]:
    """Return the fingerprints of the checkout: of the engine with its data, and of what is deployed to it."""
    engine = (*_ENGINE, *_STAND_INS) if SYSTEM else _ENGINE
    return {"engine": _fingerprint(engine), "deployment": _fingerprint(_DEPLOYMENT)}


def noted() -> dict[str, str]:
    """Return the fingerprints of what the running stack was made from."""
    try:
        return dict(json.loads(_NOTE.read_text(encoding="ascii")))
    except (FileNotFoundError, ValueError):
        return {}


def note(fingerprints: dict[str, str]) -> None:
    """Remember what the running stack was made from."""
    _NOTE.write_text(json.dumps(fingerprints), encoding="ascii")


def _fingerprint(names: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for path in sorted(_files(names)):
        digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _files(names: tuple[str, ...]) -> Iterator[Path]:
    for name in names:
        path = ROOT / name
        found = path.rglob("*") if path.is_dir() else [path]
        yield from (each for each in found if each.is_file() and "__pycache__" not in each.parts)
