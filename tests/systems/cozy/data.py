"""What a made-up Cozy holds. The same every time: names, contents and ids follow from their numbers."""

import base64
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ROOT = "io.cozy.files.root-dir"
TRASH = "io.cozy.files.trash-dir"
FILES, VERSIONS = "io.cozy.files", "io.cozy.files.versions"

_FOLDERS = ("Administrative", "Photos", "Photos/Été 2025", "Notes", "Work", "Work/2026", "空のフォルダ")
_NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Donald", "Frances", "Alan", "Radia", "Ken", "Margaret")


@dataclass(frozen=True)
class Content:
    """A file, or an old version of one, with its path below ``My Cozy/Files``."""

    document: dict[str, Any]
    path: str
    data: bytes

    @property
    def id(self) -> str:
        return str(self.document["_id"])


@dataclass
class Cozy:
    """A Cozy's documents by doctype, its directories in the order of a walk, its files and their versions."""

    domain: str = "alice.mycozy.example"
    documents: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    directories: list[dict[str, Any]] = field(default_factory=list)
    files: list[Content] = field(default_factory=list)
    versions: list[Content] = field(default_factory=list)

    @property
    def contents(self) -> dict[str, list[Content]]:
        return {FILES: sorted(self.files, key=_id), VERSIONS: sorted(self.versions, key=_id)}


def _id(content: Content) -> bytes:
    return content.id.encode()


def made_up(files: int = 24, contacts: int = 40, *, seed: int = 7) -> Cozy:
    """Return a Cozy with so many files and contacts."""
    chance = random.Random(seed)
    cozy = Cozy()
    cozy.documents = {
        "io.cozy.accounts": list(_plain("io.cozy.accounts", 2, account_type="bank", auth={"token": "bank-secret"})),
        "io.cozy.contacts": [_contact(number, chance) for number in range(contacts)],
        "io.cozy.contacts.groups": list(_plain("io.cozy.contacts.groups", 3, name="Family")),
        "io.cozy.oauth.clients": list(_plain("io.cozy.oauth.clients", 2, client_secret="oauth-secret")),
        "io.cozy.photos.albums": list(_plain("io.cozy.photos.albums", 2, name="Été")),
        "io.cozy.sessions": list(_plain("io.cozy.sessions", 3, last_seen="2026-03-01T10:00:00Z")),
        "io.cozy.settings": [
            {"_id": "io.cozy.settings.instance", "_rev": "1-a", "email": "alice@example.org", "tz": "Europe/Paris"},
            {"_id": "io.cozy.settings.bitwarden", "_rev": "1-b", "encrypted_organization_key": "vault-secret"},
        ],
        "org.example.things": list(_plain("org.example.things", 4, note="of an app that nobody knows")),
    }
    paths = _directories(cozy)
    for number in range(files):
        _file(cozy, number, paths, chance)
    return cozy


def _plain(doctype: str, count: int, **fields: Any) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"_id": _hex(doctype, number), "_rev": f"1-{_hex('rev', number)}", **fields, "number": number}


def _contact(number: int, chance: random.Random) -> dict[str, Any]:
    name = {"givenName": chance.choice(_NAMES), "familyName": f"Tester {number}"}
    updated = f"2026-01-{number % 28 + 1:02}T08:00:00Z"
    return {
        "_id": _hex("contact", number),
        "_rev": f"{number % 5 + 1}-{_hex('rev', number)}",
        "name": name,
        "note": "“Zoë” & \u2028 <script>" if number % 7 == 0 else "",
        "email": [{"address": f"contact{number}@example.org", "primary": True}],
        "cozyMetadata": {"createdAt": updated, "updatedAt": updated},
    }


def _directories(cozy: Cozy) -> dict[str, str]:
    """Add the directories, parents first, and return their paths by id."""
    paths = {ROOT: "", TRASH: "/.cozy_trash"}
    cozy.directories = [
        {"_id": ROOT, "_rev": "1-0", "type": "directory", "name": "", "dir_id": "", "path": "/"},
        {
            "_id": TRASH,
            "_rev": "1-0",
            "type": "directory",
            "name": ".cozy_trash",
            "dir_id": ROOT,
            "path": "/.cozy_trash",
        },
    ]
    by_path = {"": ROOT}
    for number, folder in enumerate(_FOLDERS):
        parent, _, name = folder.rpartition("/")
        identifier = _hex("directory", number)
        by_path[folder] = identifier
        paths[identifier] = f"/{folder}"
        cozy.directories.append(
            {
                "_id": identifier,
                "_rev": "1-0",
                "type": "directory",
                "name": name,
                "dir_id": by_path[parent],
                "path": f"/{folder}",
                "created_at": "2025-01-01T00:00:00Z",
                "updated_at": "2025-06-01T00:00:00Z",
            }
        )
    return paths


def _file(cozy: Cozy, number: int, paths: dict[str, str], chance: random.Random) -> None:
    folders = [each for each in paths if "空" not in paths[each]]  # that one stays empty
    directory = folders[number % len(folders)]
    names = (f"report {number}.txt", f"été-{number}.txt", f"back\\slash:{number}.txt", f"{number}.bin", "a%b+c&d.txt")
    name = f"{number}-{names[number % len(names)]}"
    data = chance.randbytes(chance.randrange(500, 20_000)) if number % 3 else (f"line {number}\n".encode() * 400)
    data = b"" if number == 4 else data
    identifier = _hex("file", number)
    document = _with_digest(
        {
            "_id": identifier,
            "_rev": "2-0",
            "type": "file",
            "name": name,
            "dir_id": directory,
            "created_at": "2025-02-01T00:00:00Z",
            "updated_at": f"2026-02-{number % 28 + 1:02}T12:00:00Z",
            "mime": "text/plain" if name.endswith("txt") else "application/octet-stream",
            "class": "text" if name.endswith("txt") else "binary",
            "executable": number % 10 == 3,
            "trashed": directory == TRASH,
            "tags": [],
        },
        data,
    )
    cozy.files.append(Content(document, f"{paths[directory]}/{name}", data))
    if number % 6 == 1:
        old = data[: len(data) // 2] + b" (older)"
        version = f"{identifier}/{_hex('version', number)}"
        record = {"_id": version, "_rev": "1-0", "updated_at": "2025-12-24T18:00:00Z", "tags": []}
        cozy.versions.append(Content(_with_digest(record, old), f"/{version}", old))


def _with_digest(document: dict[str, Any], data: bytes) -> dict[str, Any]:
    digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    return {**document, "size": str(len(data)), "md5sum": digest}


def _hex(kind: str, number: int) -> str:
    return hashlib.sha256(f"{kind} {number}".encode()).hexdigest()[:32]
