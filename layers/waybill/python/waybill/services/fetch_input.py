"""Bring what a URL gives into the bucket, piece by piece, over as many calls as it takes."""

from collections.abc import Iterator

from waybill.archive.spool import Spool
from waybill.domain.arrival_codes import ArrivalCode
from waybill.domain.errors import InputBroken, InputRefused, UploadMissing
from waybill.domain.options import MEBIBYTE
from waybill.domain.plan import Piece
from waybill.ports import Budget, Download, InputsClient, ObjectStore, RemoteBody
from waybill.services.staging_state import Fetching

PIECE = 8 * MEBIBYTE
"""Bytes that are stored at once. What is not yet stored is fetched again by the next call."""

MOST_TRIES = 5
"""Connections in a row that may break without bringing a piece."""

_MOST_PIECES = 10_000
_MEDIA_TYPE = "application/octet-stream"


def fetch_input(
    url: str,
    key: str,
    fetching: Fetching,
    *,
    most: int,
    client: InputsClient,
    archives: ObjectStore,
    budget: Budget,
) -> bool:
    """Store what a URL gives under ``key``. Return False if the budget was spent; ``fetching`` says where it stands.

    A server that takes up downloads in the same version is asked for the rest only. Raises InputRefused, also if there
    are more than ``most`` bytes.
    """
    tries = 0
    while True:
        before = fetching.offset
        try:
            return _Fetch(url, key, fetching, most=most, client=client, archives=archives, budget=budget).run()
        except InputBroken as error:
            tries = tries + 1 if fetching.offset == before else 1
            if tries == MOST_TRIES:
                raise InputRefused(str(error), error.reason) from None
            if budget.spent():
                return False
        except UploadMissing:
            _begin_anew(fetching)  # a call that was late has ended the upload


def _begin_anew(fetching: Fetching) -> None:
    fetching.upload, fetching.etag, fetching.pieces = "", "", []


class _Fetch:
    def __init__(
        self,
        url: str,
        key: str,
        fetching: Fetching,
        *,
        most: int,
        client: InputsClient,
        archives: ObjectStore,
        budget: Budget,
    ) -> None:
        self._url = url
        self._key = key
        self._at = fetching
        self._most = most
        self._piece = max(PIECE, -(-most // _MOST_PIECES))
        self._client = client
        self._archives = archives
        self._budget = budget

    def run(self) -> bool:
        with self._client.open(self._url, start=self._at.offset, etag=self._at.etag) as body:
            if body.size is not None and body.size > self._most:
                raise self._too_large()
            if body.start != self._at.offset:
                self._archives.abort_uploads(self._key)
                _begin_anew(self._at)
            self._at.name = self._at.name or body.name
            self._at.etag = body.etag
            return self._take(body)

    def _take(self, body: RemoteBody) -> bool:
        """Store the body. Return False if the budget was spent first."""
        for spool in self._spools(body):
            if spool is None:
                if not self._at.etag:  # then nobody can tell whether the rest would belong to it
                    self._archives.abort_uploads(self._key)
                    _begin_anew(self._at)
                return False
            self._store(spool)
        if not self._at.upload:
            self._archives.put(self._key, b"")
            return True
        self._archives.finish_upload(self._key, self._at.upload, self._at.pieces, crc32=None)
        return True

    def _spools(self, body: RemoteBody) -> Iterator[Spool | None]:
        """Yield the body in pieces, None if the budget is spent before its end."""
        size = self._at.offset
        spool = Spool()
        begun = False
        try:
            for chunk in body.chunks:
                if begun and self._budget.spent():
                    yield None
                    return
                begun = True
                size += len(chunk)
                if size > self._most:
                    raise self._too_large()
                spool.write(chunk)
                if len(spool) >= self._piece:
                    yield spool
                    spool.close()
                    spool = Spool()
            if len(spool):
                yield spool
        finally:
            spool.close()

    def _store(self, spool: Spool) -> None:
        if not self._at.upload:
            self._archives.abort_uploads(self._key)  # of a call that died before it could tell of it
            download = Download(self._at.name, _MEDIA_TYPE)
            self._at.upload = self._archives.start_upload(self._key, download=download)
        number = len(self._at.pieces) + 1
        piece = self._archives.put_piece(self._key, self._at.upload, number, spool)
        self._at.pieces.append(Piece(piece.number, piece.size, piece.etag))

    def _too_large(self) -> InputRefused:
        return InputRefused(
            f"What the address gives is larger than {self._most:,} bytes, which is the most.",
            ArrivalCode.INPUT_TOO_LARGE,
        )
