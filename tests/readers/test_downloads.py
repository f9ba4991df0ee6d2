"""Broken downloads, mended by aria2 with the metalink of the export: what is right of a part is not fetched again."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.readers.contents import COPIED, DOWNLOADED, Contents
from tests.readers.exports import Made
from tests.readers.pipelines import run
from tests.readers.range_server import RangeServer, serving
from tests.readers.tools import ARIA2
from tests.readers.unpackers import KINDS
from tests.unit.services.exports import TENANT

from waybill.archive.pieces import SHORTEST
from waybill.services.get_metalink import get_metalink

METALINK = "waybill.meta4"
SLACK = 1024 * 1024
"""Bytes that go out before the client, which has what it wants, hangs up."""

each_format = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def server() -> Iterator[RangeServer]:
    with serving() as running:
        yield running


def offer(made: Made, server: RangeServer, folder: Path) -> bytes:
    """Put an export's only part on the server and its metalink into a folder; return the part."""
    (part,) = made.parts
    made.archives.address = server.address
    metalink = get_metalink(
        TENANT,
        made.job.id,
        jobs=made.product.jobs,
        archives=made.archives,
        clock=made.product.clock,
        lifetime=timedelta(hours=1),
    )
    (folder / METALINK).write_text(metalink)
    server.files[f"part-00001.{made.kind}"] = part
    return part.read_bytes()


def fetch(folder: Path) -> None:
    """Download as docs/verify.md says, into the folder that the metalink is in."""
    run([ARIA2, "--no-conf", "--dir", folder, "-c", "-V", "-M", folder / METALINK])


@each_format
@pytest.mark.parametrize("contents", [DOWNLOADED, COPIED], ids=str)
def test_a_part_is_downloaded_whole(
    kind: str, contents: Contents, made: Callable[[str, Contents], Made], server: RangeServer, tmp_path: Path
) -> None:
    """Of parts with files that the store copied there are no digests; they are downloaded all the same."""
    export = made(kind, contents)
    part = offer(export, server, tmp_path)
    fetch(tmp_path)
    assert (tmp_path / export.parts[0].name).read_bytes() == part


@each_format
def test_of_a_damaged_part_one_piece_is_fetched(
    kind: str, made: Callable[[str, Contents], Made], server: RangeServer, tmp_path: Path
) -> None:
    export = made(kind, DOWNLOADED)
    part = offer(export, server, tmp_path)
    damaged = bytearray(part)
    damaged[SHORTEST + 5] ^= 1
    (tmp_path / export.parts[0].name).write_bytes(damaged)
    fetch(tmp_path)
    assert (tmp_path / export.parts[0].name).read_bytes() == part
    assert 0 < server.given <= SHORTEST + SLACK


@each_format
def test_of_a_truncated_part_the_rest_is_fetched(
    kind: str, made: Callable[[str, Contents], Made], server: RangeServer, tmp_path: Path
) -> None:
    export = made(kind, DOWNLOADED)
    part = offer(export, server, tmp_path)
    (tmp_path / export.parts[0].name).write_bytes(part[: 2 * SHORTEST])
    fetch(tmp_path)
    assert (tmp_path / export.parts[0].name).read_bytes() == part
    assert 0 < server.given <= len(part) - 2 * SHORTEST + SLACK
