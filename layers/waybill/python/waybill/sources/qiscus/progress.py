"""How far the exports of Qiscus are that an export of ours has asked for: one note for each window of days.

A note outlives the call that made it. What failed is asked for anew a few times; then it stays failed for as long as
the steps of our export try again by themselves, so that they come to an end, and a retry that a person starts begins
anew.
"""

from datetime import datetime, timedelta

import msgspec

from waybill.domain.errors import SourceUnavailable
from waybill.ports import Clock, Staging
from waybill.sources.qiscus.windows import Window

MOST_TRIES = 3
"""How often the same days are asked for, if what came is no good."""

STAYS_FAILED = timedelta(minutes=15)
"""Longer than the workflow tries a step again (docs/architecture.md, "The state machine")."""


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """Qiscus makes it, or has made it, under this id, since this moment."""

    id: str
    at: datetime
    tries: int


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """Its file is here, and has so many rows, of ``total`` that Qiscus tells. ``broken`` is where it breaks off."""

    id: str
    rows: int
    total: int
    broken: str = ""


class Halved(msgspec.Struct, frozen=True, tag="halved"):
    """It had as many rows as an export may have, so its halves take its place."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It failed for the last time at this moment, for this reason."""

    at: datetime
    sentence: str


State = Asked | Kept | Halved | Failed
_STATE: msgspec.json.Decoder[State] = msgspec.json.Decoder(State)


class Progress:
    """The notes of one doctype."""

    def __init__(self, doctype: str, staging: Staging, clock: Clock) -> None:
        self._doctype = doctype
        self._staging = staging
        self._clock = clock
        self._known: dict[Window, State] = {}

    def of(self, window: Window) -> State | None:
        """Return how far a window is, None if nothing is asked for. Raises SourceUnavailable for one that failed."""
        state = self._known.get(window) or self._noted(window)
        if isinstance(state, Failed):
            if self._clock() < state.at + STAYS_FAILED:
                raise SourceUnavailable(state.sentence)
            return None
        if state is not None:
            self._known[window] = state
        return state

    def note(self, window: Window, state: State) -> None:
        """Note how far a window is."""
        self._staging.put_note(self._name(window), msgspec.json.encode(state))
        self._known[window] = state

    def failed(self, window: Window, sentence: str) -> SourceUnavailable:
        """Note that a window has failed; return the error that says so."""
        self.note(window, Failed(self._clock(), sentence))
        return SourceUnavailable(sentence)

    def _noted(self, window: Window) -> State | None:
        text = self._staging.note(self._name(window))
        return None if text is None else _STATE.decode(text)

    def _name(self, window: Window) -> str:
        return f"{self._doctype}/{window.name}"
