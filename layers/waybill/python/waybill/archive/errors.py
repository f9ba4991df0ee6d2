"""What can go wrong while an archive is written."""

from waybill.domain.errors import WaybillError
from waybill.domain.ledger import Gap


class ContentSizeChanged(WaybillError):
    """An entry's content is shorter or longer than its header says. What was written of the archive is worthless."""

    code = "content_size_changed"

    def __init__(self, path: str) -> None:
        super().__init__(f"The content of {path} does not have the size that was planned. Write the archive again.")
        self.path = path


class ContentLost(WaybillError):
    """A file broke off after its header was written. Write the part again without it and name ``gap`` in the ledger.

    ``__cause__`` is the error that the file's content raised.
    """

    code = "content_lost"

    def __init__(self, path: str, gap: Gap) -> None:
        super().__init__(f"The content of {path} broke off. Write the part again without it.")
        self.path = path
        self.gap = gap
