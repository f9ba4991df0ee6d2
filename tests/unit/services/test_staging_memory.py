"""However large an input is: memory stays flat, and what is hopeless is not read to its end."""

import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from tests.fakes import MemoryObjects, etag_of, whole
from tests.unit.services.staging import TENANT, Import

from waybill.domain.errors import InputRefused
from waybill.domain.import_limits import ImportLimits
from waybill.domain.import_options import ImportInput, InputKind
from waybill.domain.upload import Upload, UploadState
from waybill.domain.upload_keys import upload_object
from waybill.ports import Body, Download, ObjectInfo

UPLOAD = "0" * 32
MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30


class Endless(MemoryObjects):
    """A bucket with one object that is made while it is read, and that keeps no more than the sizes of row files.

    ``read`` counts the bytes that were read of it.
    """

    def __init__(self, size: int, content: Callable[[int], Iterator[bytes]]) -> None:
        super().__init__()
        self.size = size
        self.content = content
        self.read = 0
        self.stored = 0

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[ObjectInfo]:
        if prefix == upload_object(UPLOAD):
            yield ObjectInfo(prefix, self.size, etag_of(b""))
        else:
            yield from super().list(prefix, after=after)

    def stream(self, key: str, *, etag: str | None = None, start: int = 0) -> Iterator[bytes]:
        if key != upload_object(UPLOAD):
            yield from super().stream(key, etag=etag, start=start)
            return
        assert start == 0
        for chunk in self.content(self.size):
            self.read += len(chunk)
            yield chunk

    def stream_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        if key != upload_object(UPLOAD):
            yield from super().stream_range(key, offset, length, etag=etag)
            return
        assert offset == 0
        yield b"".join(self.content(length))[:length]

    def put(self, key: str, data: bytes | Body, *, download: Download | None = None) -> None:
        if "/rows/" in key:
            self.stored += len(whole(data))
        else:
            super().put(key, data, download=download)


def importing(objects: Endless, name: str) -> Import:
    made = Import(archives=objects, limits=ImportLimits(input_bytes=2 * GIBIBYTE))
    made.uploads.put(Upload(TENANT, UPLOAD, name, objects.size, made.clock(), state=UploadState.COMPLETE))
    made.inputs.append(ImportInput(InputKind.UPLOAD, UPLOAD))
    return made


def brackets(size: int) -> Iterator[bytes]:
    for _ in range(0, size, MEBIBYTE):
        yield b"[" * MEBIBYTE


def one_row(size: int) -> Iterator[bytes]:
    yield b'[{"a":"'
    for _ in range(0, size, MEBIBYTE):
        yield b"x" * MEBIBYTE


@pytest.mark.parametrize(("content", "code"), [(brackets, "endless_depth"), (one_row, "endless_row")])
def test_a_gigabyte_of_nothing_is_refused_after_its_beginning(
    content: Callable[[int], Iterator[bytes]], code: str
) -> None:
    objects = Endless(GIBIBYTE, content)
    with pytest.raises(InputRefused) as caught:
        importing(objects, "rows.json").stage(doctype="io.cozy.contacts")

    assert caught.value.reason == code
    assert objects.read < 20 * MEBIBYTE


def array(size: int) -> Iterator[bytes]:
    row = b'{"_id": "x", "text": "%b"}' % (b"x" * 1_000)
    yield b"[" + row
    for _ in range(0, size, len(row) * 100):
        yield b"".join([b",\n", row]) * 100
    yield b"]"


def table(size: int) -> Iterator[bytes]:
    yield b"_id,text\r\n"
    for _ in range(0, size, 100_000):
        yield (b'x,"%b"\r\n' % (b"y" * 990)) * 100


@pytest.mark.parametrize(("content", "name"), [(array, "rows.json"), (table, "rows.csv")])
def test_memory_does_not_grow_with_the_file(content: Callable[[int], Iterator[bytes]], name: str) -> None:
    peaks = {}
    for size in (6 * MEBIBYTE, 18 * MEBIBYTE):
        objects = Endless(size, content)
        made = importing(objects, name)
        tracemalloc.start()
        made.stage(doctype="io.cozy.contacts")
        peaks[size] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert objects.stored > size

    small, large = peaks.values()
    assert large < small + MEBIBYTE
    assert large < 20 * MEBIBYTE
