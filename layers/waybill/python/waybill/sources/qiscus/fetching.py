"""Fetches what Qiscus has of a window of days: asks for an export, waits for it, and keeps its file.

Whatever is asked for is noted, so that the next call goes on with it, and owed, so that it is deleted in any case.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from waybill.domain.errors import AddressUnavailable, InvalidAddress, SourceNotReady, SourceUnavailable
from waybill.ports import Clock, Staging, Web
from waybill.sources.qiscus.backups import Backup, Backups
from waybill.sources.qiscus.files import NoRows, Summary, summary
from waybill.sources.qiscus.progress import MOST_TRIES, Asked, Halved, Kept, Progress, State
from waybill.sources.qiscus.terms import Terms
from waybill.sources.qiscus.windows import Window
from waybill.sources.rest.failures import RequestRefused

FIRST_PAUSE = 5
"""Seconds after which is looked whether an export is finished; the pauses grow by themselves (``domain.waiting``)."""

REFUSED_PAUSE = 60
"""Seconds for which Qiscus is left alone that wants fewer requests."""

PATIENCE = timedelta(hours=2)
"""After so long an export that is not finished is given up, and so is a Qiscus that wants fewer requests."""

MOST_FILE = 8 * 1024**3
FILE_SECONDS = 600.0
"""How large a file may be, in bytes, and how long its download may take."""

_NO_FILE = frozenset((401, 403, 404, 410))
_TOO_MANY = 429


class Fetching:
    """What is fetched of one doctype."""

    def __init__(self, terms: Terms, backups: Backups, *, web: Web, staging: Staging, clock: Clock) -> None:
        self._terms = terms
        self._backups = backups
        self._web = web
        self._staging = staging
        self._clock = clock
        self._progress = Progress(terms.doctype, staging, clock)

    def ask_ahead(self, coming: list[Window]) -> None:
        """Ask for windows that were not asked for. Raises SourceUnavailable and SourceNotReady."""
        for window in coming:
            if self._progress.of(window) is None:
                self._ask(window, tries=1)

    def known(self, window: Window) -> State | None:
        """Return how far a window is, without asking anybody. Raises SourceUnavailable for one that failed."""
        return self._progress.of(window)

    def kept(self, window: Window) -> Kept:
        """Return what is here of a window whose file was fetched."""
        state = self._progress.of(window)
        if not isinstance(state, Kept):
            raise SourceUnavailable(
                f"What was noted of {self._told(window)} cannot be gone by. Create the export again."
            )
        return state

    def chunks(self, identifier: str) -> Iterator[bytes]:
        """Yield the file of an export that is here."""
        content = self._staging.kept(self._file(identifier))
        if content is None:
            raise SourceUnavailable(
                f"The file of Qiscus's export {identifier} was fetched, and is not there any more. Create the export "
                "again."
            )
        return self._staging.read(content, 0, content.size) if content.size else iter(())

    def finished(self, window: Window) -> Kept | Halved:
        """Return what has become of a window. Raises SourceNotReady as long as nothing has."""
        state = self._progress.of(window)
        if state is None:
            state = self._ask(window, tries=1)
        while isinstance(state, Asked):
            backup = self._found(state.id)
            if backup is None:
                state = self._again(window, state, f"Qiscus does not have its export {state.id} any more.")
            elif backup.has_failed:
                state = self._again(window, state, f"Qiscus says that its export {state.id} has failed.")
            elif backup.is_finished:
                state = self._taken(window, state, backup)
            else:
                raise self._not_ready(window, state, backup)
        assert isinstance(state, Kept | Halved)  # noqa: S101 - Progress raises for what has failed
        return state

    def _ask(self, window: Window, *, tries: int) -> Asked:
        try:
            backup = self._backups.create(self._terms.kind, *window.asked)
        except RequestRefused as refusal:
            raise self._refused(refusal) from None
        state = Asked(backup.unique_id, self._clock(), tries)
        if self._terms.removes:
            self._staging.put_debt(self._terms.doctype, backup.unique_id, backup.unique_id.encode())
        self._progress.note(window, state)
        return state

    def _again(self, window: Window, state: Asked, sentence: str) -> Asked:
        """Ask for a window anew. Raises SourceUnavailable if that was done often enough."""
        self._remove(state.id)
        if state.tries >= MOST_TRIES:
            raise self._progress.failed(window, f"{self._told(window)} cannot be read. {sentence}")
        return self._ask(window, tries=state.tries + 1)

    def _not_ready(self, window: Window, state: Asked, backup: Backup) -> SourceNotReady | SourceUnavailable:
        deadline = state.at + PATIENCE
        status = "" if backup.status in ("started", "finished") else " It gives a status that is not known."
        if self._clock() >= deadline:
            self._remove(state.id)
            sentence = f"Qiscus has not finished its export {state.id} in {PATIENCE.seconds // 3600} hours.{status}"
            return self._progress.failed(window, f"{self._told(window)} cannot be read. {sentence}")
        message = f"Qiscus is making its export of {self._told(window)}.{status}"
        return SourceNotReady(message, seconds=FIRST_PAUSE, deadline=deadline)

    def _taken(self, window: Window, state: Asked, backup: Backup) -> Asked | Kept | Halved:
        """Fetch the file of a finished export, unless its days are to be halved."""
        if backup.total_rows >= self._terms.cap and not window.is_a_day:
            self._progress.note(window, Halved())
            self._remove(state.id)
            return Halved()
        try:
            found = self._fetched(state, backup)
        except NoRows as fault:
            return self._again(window, state, f"The file of Qiscus's export {state.id} {fault}.")
        except AddressUnavailable as error:
            if error.status in _NO_FILE:
                return self._again(window, state, f"The file of Qiscus's export {state.id} is not there. {error}")
            raise SourceUnavailable(
                f"{self._told(window)} cannot be read. The file of Qiscus's export {state.id} was not fetched. {error}"
            ) from None
        except InvalidAddress as refusal:
            told = f"The file of Qiscus's export {state.id} is not fetched from where Qiscus says. {refusal}"
            raise self._progress.failed(window, f"{self._told(window)} cannot be read. {told}") from None
        is_bad = found.rows < backup.total_rows or found.broken
        if is_bad and (state.tries < MOST_TRIES or not found.rows):
            told = f"The file of Qiscus's export {state.id} has {found.rows:,} of {backup.total_rows:,} rows."
            return self._again(window, state, told)
        kept = Kept(state.id, found.rows, backup.total_rows, found.broken)
        self._progress.note(window, kept)
        self._remove(state.id)
        return kept

    def _fetched(self, state: Asked, backup: Backup) -> Summary:
        """Keep the file, and read it once to see what is in it. Raises NoRows."""
        chunks = iter(()) if not backup.download_url else self._download(backup.download_url)
        self._staging.keep(self._file(state.id), chunks)
        return summary(self.chunks(state.id))

    def _download(self, url: str) -> Iterator[bytes]:
        """Yield the file, which lies with somebody else: nothing that signs is sent there."""
        return self._web.stream(url, most=MOST_FILE, seconds=FILE_SECONDS)

    def _remove(self, identifier: str) -> None:
        """Delete an export there. If that fails it is still owed, and settled when ours has ended."""
        if not self._terms.removes:
            return
        try:
            self._backups.delete(identifier)
        except SourceUnavailable:
            return
        self._staging.forgive_debt(self._terms.doctype, identifier)

    def _found(self, identifier: str) -> Backup | None:
        try:
            return self._backups.find(identifier)
        except RequestRefused as refusal:
            raise self._refused(refusal) from None

    def _refused(self, refusal: RequestRefused) -> SourceUnavailable | SourceNotReady:
        """Return what a refusal means: to be waited for if Qiscus wants fewer requests, and that for PATIENCE only."""
        if refusal.status != _TOO_MANY:
            return refusal
        name, now = f"{self._terms.doctype}/refused", self._clock()
        text = self._staging.note(name)
        since = now if text is None else msgspec.json.decode(text, type=datetime)
        if text is None or now >= since + 2 * PATIENCE:
            since = now
            self._staging.put_note(name, msgspec.json.encode(now))
        return SourceNotReady(
            f"Qiscus wants fewer requests for {self._terms.doctype}.", seconds=REFUSED_PAUSE, deadline=since + PATIENCE
        )

    def _file(self, identifier: str) -> str:
        return f"{self._terms.doctype}/{identifier}"

    def _told(self, window: Window) -> str:
        return f"{self._terms.doctype} of {window.told}"
