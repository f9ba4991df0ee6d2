"""The readers: programs and libraries that nobody here wrote, each asked for the names in a part and for its contents.

A reader says by itself which formats it takes, by their names: what is called ``tar`` or ``tar.…`` is a tar archive, so
a format that is added is opened by those that can read its kind.
"""

import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import zstandard
from tests.readers.pipelines import Command, run, stream
from tests.readers.tools import BSDTAR, GZIP, NODE, PIGZ, SEVEN_ZIP, TAR, UNZIP, ZSTD, Program

from waybill.domain.options import FORMATS_OF

KINDS = FORMATS_OF["bag"]
"""The formats that bags come in. One that is added is read by those who take it, without anything more here."""

_CHUNK = 1024 * 1024
_GUNZIP_JS = Path(__file__).with_name("gunzip.js")
_HELPERS = {"tar.zst": (ZSTD,), "tar.gz": (GZIP,)}
"""What GNU tar calls for help."""


class Unpacker(Protocol):
    """A foreign reader. All methods raise AssertionError, or an error of the reader's own, if it finds fault."""

    @property
    def name(self) -> str:
        """What the tests call it."""
        ...

    def takes(self, kind: str) -> bool:
        """Whether it reads this format."""
        ...

    def programs(self, kind: str) -> tuple[Program, ...]:
        """What it needs for this format."""
        ...

    @property
    def composes(self) -> bool:
        """Whether it writes decomposed characters (NFD) composed (NFC), in names that it shows and unpacks."""
        ...

    def check(self, part: Path) -> None:
        """Let the reader test the part in its own way, if it has one."""
        ...

    def names(self, part: Path) -> list[str]:
        """The names in the part, in its order; directories without a slash at the end."""
        ...

    def unpack(self, part: Path, folder: Path) -> None:
        """Unpack the part into a folder."""
        ...

    def contents(self, part: Path, *names: str) -> Iterator[bytes]:
        """The contents of all entries one after the other, in the part's order; only those ``names`` if given."""
        ...


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


@dataclass(frozen=True)
class Commands:
    """A reader that is a program: the pipelines that do each thing."""

    name: str
    takes: Callable[[str], bool]
    programs: Callable[[str], tuple[Program, ...]]
    listing: Callable[[Path], list[Command]]
    unpacking: Callable[[Path, Path], list[Command]]
    printing: Callable[[Path, tuple[str, ...]], list[Command]]
    testing: Callable[[Path], list[Command]] | None = None
    listed: Callable[[str], Iterable[str]] = _lines
    composes: bool = False

    def check(self, part: Path) -> None:
        if self.testing is not None:
            run(*self.testing(part))

    def names(self, part: Path) -> list[str]:
        return [name.rstrip("/") for name in self.listed(run(*self.listing(part)).decode())]

    def unpack(self, part: Path, folder: Path) -> None:
        run(*self.unpacking(part, folder))

    def contents(self, part: Path, *names: str) -> Iterator[bytes]:
        return stream(*self.printing(part, names))


def _is_tar(kind: str) -> bool:
    return kind.split(".", maxsplit=1)[0] == "tar"


def _kind(part: Path) -> str:
    return max((kind for kind in KINDS if part.name.endswith(f".{kind}")), key=len)


def _is_packed_tar(part: Path) -> bool:
    return _is_tar(_kind(part)) and _kind(part) != "tar"


def _tar(name: str, *options: object) -> Commands:
    """GNU tar, called with these options."""
    tar = [TAR, *options]
    return Commands(
        name=name,
        takes=_is_tar,
        programs=lambda kind: (TAR, *_HELPERS.get(kind, ())),
        listing=lambda part: [[*tar, "--quoting-style=literal", "--show-stored-names", "-tf", part]],
        unpacking=lambda part, folder: [[*tar, "-xf", part, "-C", folder]],
        printing=lambda part, names: [[*tar, "-xOf", part, "--", *names]],
    )


def _seven_zip_names(text: str) -> list[str]:
    return [line.removeprefix("Path = ") for line in _lines(text) if line.startswith("Path = ")]


def _seven_zip(part: Path, *inner: object) -> list[Command]:
    """7-Zip sees a packed tar as a file with one file in it, the tar; so one 7-Zip unpacks it for another."""
    seven_zip: list[object] = [SEVEN_ZIP, inner[0], "-bd", "-sccUTF-8", *inner[1:]]
    if _is_packed_tar(part):
        return [[SEVEN_ZIP, "x", "-bd", "-so", part], [*seven_zip, "-ttar", "-si"]]
    return [[*seven_zip, "--", part]]


def _seven_zip_printing(part: Path, names: tuple[str, ...]) -> list[Command]:
    if _is_packed_tar(part):
        return [[SEVEN_ZIP, "x", "-bd", "-so", part], [SEVEN_ZIP, "x", "-bd", "-so", "-ttar", "-si", *names]]
    return [[SEVEN_ZIP, "x", "-bd", "-so", "--", part, *names]]


def _gunzip_js(part: Path) -> Command:
    return [NODE, _GUNZIP_JS, part]


class PythonTar:
    """Python's tarfile; Zstandard, which it knows from Python 3.14 on only, by the library zstandard."""

    name = "tarfile"
    composes = False

    def takes(self, kind: str) -> bool:
        return _is_tar(kind)

    def programs(self, kind: str) -> tuple[Program, ...]:
        return ()

    def check(self, part: Path) -> None:
        """It has no test of its own."""

    def names(self, part: Path) -> list[str]:
        with self._open(part) as tar:
            return [member.name for member in tar]

    def unpack(self, part: Path, folder: Path) -> None:
        with self._open(part) as tar:
            # Absent before Python 3.11.4.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(folder)

    def contents(self, part: Path, *names: str) -> Iterator[bytes]:
        with self._open(part) as tar:
            for member in tar:
                content = tar.extractfile(member) if not names or member.name in names else None
                while content is not None and (chunk := content.read(_CHUNK)):
                    yield chunk

    @contextmanager
    def _open(self, part: Path) -> Iterator[tarfile.TarFile]:
        if not part.name.endswith(".zst"):
            with tarfile.open(part) as tar:  # not as a stream: in "r|gz" it sees the first gzip member and no other
                yield tar
            return
        with (
            part.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as source,
            tarfile.open(fileobj=source, mode="r|") as tar,
        ):
            yield tar


class PythonZip:
    """Python's zipfile."""

    name = "zipfile"
    composes = False

    def takes(self, kind: str) -> bool:
        return kind == "zip"

    def programs(self, kind: str) -> tuple[Program, ...]:
        return ()

    def check(self, part: Path) -> None:
        with zipfile.ZipFile(part) as archive:
            broken = archive.testzip()
            assert broken is None, broken

    def names(self, part: Path) -> list[str]:
        with zipfile.ZipFile(part) as archive:
            return [name.rstrip("/") for name in archive.namelist()]

    def unpack(self, part: Path, folder: Path) -> None:
        with zipfile.ZipFile(part) as archive:
            archive.extractall(folder)

    def contents(self, part: Path, *names: str) -> Iterator[bytes]:
        with zipfile.ZipFile(part) as archive:
            for info in archive.infolist():
                if not names or info.filename in names:
                    with archive.open(info) as content:
                        while chunk := content.read(_CHUNK):
                            yield chunk


GNU_TAR = _tar("GNU tar")

TAR_AND_PIGZ = replace(
    _tar("GNU tar with pigz", "--use-compress-program", PIGZ),
    takes=lambda kind: kind == "tar.gz",
    programs=lambda kind: (TAR, PIGZ),
    testing=lambda part: [[PIGZ, "-t", part]],
)

BSD_TAR = Commands(
    name="bsdtar",
    takes=lambda kind: True,
    programs=lambda kind: (BSDTAR,),
    listing=lambda part: [[BSDTAR, "-tf", part]],
    unpacking=lambda part, folder: [[BSDTAR, "-xf", part, "-C", folder]],
    printing=lambda part, names: [[BSDTAR, "-xOf", part, "--", *names]],
    composes=True,
)

INFO_ZIP = Commands(
    name="unzip",
    takes=lambda kind: kind == "zip",
    programs=lambda kind: (UNZIP,),
    listing=lambda part: [[UNZIP, "-Z1", part]],
    unpacking=lambda part, folder: [[UNZIP, "-q", part, "-d", folder]],
    printing=lambda part, names: [[UNZIP, "-p", part, *names]],
    testing=lambda part: [[UNZIP, "-tqq", part]],
)

SEVEN = Commands(
    name="7zz",
    takes=lambda kind: True,
    programs=lambda kind: (SEVEN_ZIP,),
    listing=lambda part: _seven_zip(part, "l", "-slt", "-ba"),
    unpacking=lambda part, folder: _seven_zip(part, "x", "-y", f"-o{folder}"),
    printing=_seven_zip_printing,
    testing=lambda part: [[SEVEN_ZIP, "t", "-bd", part]],
    listed=_seven_zip_names,
)

NODE_ZLIB = Commands(
    name="node",
    takes=lambda kind: kind == "tar.gz",
    programs=lambda kind: (NODE, TAR),
    listing=lambda part: [_gunzip_js(part), [TAR, "--quoting-style=literal", "-tf", "-"]],
    unpacking=lambda part, folder: [_gunzip_js(part), [TAR, "-xf", "-", "-C", folder]],
    printing=lambda part, names: [_gunzip_js(part), [TAR, "-xOf", "-", "--", *names]],
)

UNPACKERS: tuple[Unpacker, ...] = (GNU_TAR, TAR_AND_PIGZ, BSD_TAR, SEVEN, INFO_ZIP, NODE_ZLIB, PythonTar(), PythonZip())


def at_hand(kind: str) -> list[Unpacker]:
    """The readers of a format that are tested here."""
    return [
        each for each in UNPACKERS if each.takes(kind) and all(program.is_tested for program in each.programs(kind))
    ]


PAIRS = [(kind, unpacker) for kind in KINDS for unpacker in at_hand(kind)]
"""Every format with every reader of it that is tested here."""
