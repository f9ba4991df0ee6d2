"""Which contents are compressed."""

import pytest

from waybill.archive.media_types import compressible


@pytest.mark.parametrize(
    ("mime", "name"),
    [
        ("text/plain", "a.txt"),
        ("application/json; charset=utf-8", "a"),
        ("application/pdf", "a.pdf"),
        ("image/svg+xml", "a.svg"),
        ("audio/wav", "a.wav"),
        ("", "letter.txt"),
        ("", ""),
        ("application/octet-stream", "data.bin"),
        ("text/plain", "called.zip"),
    ],
)
def test_worth_compressing(mime: str, name: str) -> None:
    assert compressible(mime, name)


@pytest.mark.parametrize(
    ("mime", "name"),
    [
        ("image/jpeg", "a.jpg"),
        ("IMAGE/PNG", "a"),
        ("video/mp4", "a.mp4"),
        ("audio/mpeg", "a.mp3"),
        ("application/zip", "a.zip"),
        ("application/gzip; x=y", "a"),
        ("", "holiday.JPEG"),
        ("application/octet-stream", "backup.tar.gz"),
        ("application/vnd.oasis.opendocument.text", "letter.odt"),
    ],
)
def test_not_worth_compressing(mime: str, name: str) -> None:
    assert not compressible(mime, name)
