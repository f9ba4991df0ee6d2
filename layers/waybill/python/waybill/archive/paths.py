"""Paths that every reader takes, and no two of them the same place on any file system.

The rules and where they come from:

- no absolute path, no ``.`` or ``..``, no backslash: what extractors refuse or are tricked by (Python's tarfile "data"
  filter, PEP 706; bagit.py ``_path_is_dangerous``, which refuses a leading ``~`` as well).
- no control characters, no U+2028 or U+2029, no white space at the end: a bag's manifest names one file a line (RFC
  8493, section 2.1.3), and bagit.py cuts lines at all that Unicode calls a line break and strips what is around them.
- ``%`` becomes the fullwidth ``％``: RFC 8493 wants it written as ``%25`` in manifests, bagit.py does not decode that,
  and so no name with ``%`` is read alike by all.
- none of ``< > : " | ? *``, no dot or space at the end, no ``CON``, ``NUL``, ``COM1`` …: Windows (learn.microsoft.com,
  "Naming Files, Paths, and Namespaces").
- at most 255 bytes of UTF-8 for a component (NAME_MAX of Linux file systems) and 1,024 for a path (PATH_MAX of macOS).
- all else stays as it is, non-ASCII above all.
"""

import hashlib
import re
import sqlite3
import unicodedata
from collections.abc import Mapping

MOST_COMPONENT_BYTES = 255
MOST_PATH_BYTES = 1_000
"""Leaves room for the base directory within macOS' PATH_MAX."""

_MOST_EXTENSION_BYTES = 24
_SUFFIX_BYTES = 10
"""Room that every component keeps for `` (1234567)``, by which PathBook tells equal names apart."""

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff\\<>:"|?*]')
_UNFIT_END = re.compile(r"[.\s]+\Z")
_UNFIT_START = re.compile(r"[~\s]")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|\Z)", re.IGNORECASE)
_SPARE = "_"


def safe_path(path: str) -> str:
    """Return ``path`` as a relative path that every reader takes, its components joined by ``/``.

    A safe path comes back unchanged. A component that had to be changed, other than ``%`` to ``％``, gets eight
    digits of the SHA-256 of what it was in front of its extension, and so does one that stands for directories left out
    of a path that is too long: different originals do not silently become one. Empty components and ``.`` mean nothing
    and go.
    """
    names = [_safe_name(name) for name in path.split("/") if name not in {"", "."}] or [_SPARE]
    if _UNFIT_START.match(names[0]):
        names[0] = _renamed(_SPARE + names[0][1:], names[0])
    return "/".join(names if _weight(names) <= MOST_PATH_BYTES else _shortened(names))


class PathBook:
    """Gives out paths, no two of which can meet on any file system.

    They differ also where upper and lower case, or composed and decomposed characters (NFC, NFD), are the same, and
    none is a directory of another. A name that is taken gets `` (2)``, `` (3)`` … before its extension; a directory
    keeps the name that it got first, for all that is in it. The same paths in the same order give the same result.
    Memory stays flat: the book is a temporary SQLite database, which moves to the disk as it grows.
    """

    def __init__(self) -> None:
        self._book = sqlite3.connect("", check_same_thread=False)  # the collector closes it from any thread
        self._book.executescript("PRAGMA journal_mode = OFF; PRAGMA cache_size = -8000")  # kibibytes
        self._book.execute("CREATE TABLE taken (folded TEXT PRIMARY KEY, copies INTEGER NOT NULL) WITHOUT ROWID")
        self._book.execute("CREATE TABLE directory (wanted TEXT PRIMARY KEY, given TEXT NOT NULL) WITHOUT ROWID")
        self._latest = ("", "")

    def __del__(self) -> None:
        self._book.close()

    def unique(self, path: str) -> str:
        """Return ``safe_path(path)``, or the nearest path to it that is still free, and keep it taken."""
        directory, _, name = safe_path(path).rpartition("/")
        return self._take(self._directory(directory), name)

    def _directory(self, wanted: str) -> str:
        """Return the path, with a slash at its end, under which the directory ``wanted`` is in this book."""
        if not wanted:
            return ""
        if self._latest[0] != wanted:
            row = self._book.execute("SELECT given FROM directory WHERE wanted = ?", (wanted,)).fetchone()
            self._latest = (wanted, row[0] if row else self._new_directory(wanted))
        return self._latest[1]

    def _new_directory(self, wanted: str) -> str:
        parent, _, name = wanted.rpartition("/")
        given = self._take(self._directory(parent), name) + "/"
        self._book.execute("INSERT INTO directory VALUES (?, ?)", (wanted, given))
        return given

    def _take(self, parent: str, name: str) -> str:
        path = parent + name
        folded = _folded(path)
        row = self._book.execute("SELECT copies FROM taken WHERE folded = ?", (folded,)).fetchone()
        if row is None:
            self._book.execute("INSERT INTO taken VALUES (?, 1)", (folded,))
            return path
        copies = row[0]
        while True:
            copies += 1
            path = parent + _marked(name, f" ({copies})")
            free = self._book.execute("INSERT OR IGNORE INTO taken VALUES (?, 1)", (_folded(path),)).rowcount
            if free:
                self._book.execute("UPDATE taken SET copies = ? WHERE folded = ?", (copies, folded))
                return path


NO_DIRECTORY = "_without_folder"
"""Where files go whose directory is not known."""


class FileBook:
    """Gives files their paths under ``root``, by the paths of their directories, which ``directories`` has by id."""

    def __init__(self, root: str, directories: Mapping[str, str]) -> None:
        self._root = root
        self._directories = directories
        self._book = PathBook()

    def path(self, directory: str, name: str) -> str:
        """Return the path of a file that is called ``name``. The same files in the same order give the same paths."""
        return self.path_in(self._directories.get(directory, NO_DIRECTORY), name)

    def path_in(self, folder: str, name: str) -> str:
        """Return the path of a file in a folder that is known by its path."""
        return self._book.unique(f"{self._root}/{safe_path(f'{folder}/{name}')}")


def _safe_name(name: str) -> str:
    plain = name.replace("%", "％")
    safe = _UNFIT_END.sub("", _FORBIDDEN.sub(_SPARE, plain)) or _SPARE
    if _DEVICE.match(safe):
        safe = _SPARE + safe
    if safe == plain and _size(safe) <= MOST_COMPONENT_BYTES:
        return safe
    return _renamed(safe, name)


def _renamed(safe: str, original: str) -> str:
    """Return ``safe`` with the mark of ``original`` in front of its extension, cut to the length of a component."""
    return _marked(safe, f"-{_digest(original)}")


def _marked(name: str, mark: str) -> str:
    """Return ``name`` with ``mark`` in front of its extension. If it gets too long, the stem gives way."""
    stem, dot, extension = name.rpartition(".")
    if not stem or _size(extension) > _MOST_EXTENSION_BYTES:
        stem, dot, extension = name, "", ""
    room = MOST_COMPONENT_BYTES - _size(mark + dot + extension)
    return stem.encode()[:room].decode(errors="ignore") + mark + dot + extension


def _shortened(names: list[str]) -> list[str]:
    """Return ``names`` with one component, the mark of them all, in place of as many in the middle as are too much."""
    mark = _digest("/".join(names))
    last = names[-1]
    kept: list[str] = []
    for name in names[:-1]:
        if _weight([*kept, name, mark, last]) > MOST_PATH_BYTES:
            break
        kept.append(name)
    return [*kept, mark, last]


def _weight(names: list[str]) -> int:
    """The bytes of a path, if PathBook has to tell every component of it from another one."""
    return sum(min(_size(name) + _SUFFIX_BYTES, MOST_COMPONENT_BYTES) + 1 for name in names)


def _folded(path: str) -> str:
    """What remains of a path where case and composition make no difference (Unicode, definition D145)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _size(text: str) -> int:
    return len(text.encode())
