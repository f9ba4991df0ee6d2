"""Where staging stands between two calls of its step. It lies beside the staged rows, and goes with them."""

import msgspec

from waybill.domain.plan import Piece
from waybill.intake.inspection import InspectedPart
from waybill.intake.rows import START, Resume
from waybill.intake.staged_inputs import InputRole, Refusal, Remark, StagedInput
from waybill.services.row_files import RowFilesState


class Wanted(msgspec.Struct):
    """An input that is to be had: the id of an upload, a URL, or the ``key`` of a file that came with the request.

    ``name`` is how it is called, if that is known. ``number`` and ``parts`` are there for what a link to an export has
    led to.
    """

    upload: str = ""
    url: str = ""
    key: str = ""
    name: str = ""
    number: int = 0
    parts: int = 0


class StoredInput(msgspec.Struct):
    """An input whose bytes are in the bucket. ``number`` is its place in the order in which inputs came in.

    ``role`` and ``format`` are set once it was looked at; ``format`` of a part is how it is packed.
    """

    number: int
    name: str
    key: str
    size: int
    etag: str
    role: InputRole = InputRole.ROWS
    format: str = ""
    doctype: str = ""


class Fetching(msgspec.Struct):
    """A download that is under way, and which pieces of it are stored. ``etag`` is the server's."""

    name: str = ""
    upload: str = ""
    etag: str = ""
    pieces: list[Piece] = []

    @property
    def offset(self) -> int:
        """How many bytes are stored."""
        return sum(piece.size for piece in self.pieces)


class Reading(msgspec.Struct):
    """How far the input that is being read has got.

    ``resume`` is for rows; ``payload`` and ``rows`` count, for a part, the members that are done and the rows of the
    next one. ``count`` is how many rows were staged. ``digest`` and ``hashed`` are those of a first look at the bytes.
    ``numbers`` and ``contents`` are where row files and contents stood when reading began, and ``files_begun`` whether
    a file of a bag had come before.
    """

    resume: Resume = START
    payload: int = 0
    rows: int = 0
    count: int = 0
    digest: bytes = b""
    crc32: int = 0
    hashed: int = 0
    numbers: dict[str, int] = {}
    contents: int = 0
    files_begun: bool = False
    file_bytes: int = 0


class Staging(msgspec.Struct):
    """All of it. ``turn`` is which of ``stored`` is being read, once they are ``arranged``.

    ``files_begun`` is whether a file of a bag was met. ``stalls`` counts the calls in a row that got nowhere.
    ``refusal`` is about the first input that breaks off and had to be whole.
    """

    wanted: list[Wanted]
    stored: list[StoredInput] = []
    fetching: Fetching | None = None
    manifest: StoredInput | None = None
    signature: StoredInput | None = None
    arranged: bool = False
    turn: int = 0
    reading: Reading | None = None
    done: list[StagedInput] = []
    parts: list[InspectedPart] = []
    row_files: RowFilesState = msgspec.field(default_factory=RowFilesState)
    rows: int = 0
    contents: int = 0
    file_bytes: int = 0
    remarks: list[Remark] = []
    remark_count: int = 0
    signed: bool = False
    refusal: Refusal | None = None
    files_begun: bool = False
    stalls: int = 0
