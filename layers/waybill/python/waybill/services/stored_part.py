"""An input in the bucket as the readers of ``intake`` want it: from front to back, or at any place."""

from collections.abc import Iterator

from waybill.domain.arrival_codes import ArrivalCode
from waybill.domain.errors import InputRefused, ObjectChanged, ObjectMissing
from waybill.intake.members import shown
from waybill.ports import ObjectStore
from waybill.services.staging_state import StoredInput


class StoredPart:
    """A ``PartSource``. Whatever is read is of the version that was found first.

    Every method raises InputRefused if the object is gone or was replaced.
    """

    def __init__(self, archives: ObjectStore, stored: StoredInput) -> None:
        self._archives = archives
        self._stored = stored

    @property
    def name(self) -> str:
        """What the input is called."""
        return self._stored.name

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._stored.size

    def open(self, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes from ``start`` on."""
        if start >= self._stored.size:
            return
        try:
            yield from self._archives.stream(self._stored.key, etag=self._stored.etag, start=start)
        except (ObjectChanged, ObjectMissing):
            raise self._changed() from None

    def read_at(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` on."""
        try:
            return b"".join(self._archives.stream_range(self._stored.key, offset, length, etag=self._stored.etag))
        except (ObjectChanged, ObjectMissing):
            raise self._changed() from None

    def _changed(self) -> InputRefused:
        sentence = f"{shown(self.name)} was replaced or removed while it was read. Create the import again."
        return InputRefused(sentence, ArrivalCode.UPLOAD_CHANGED)
