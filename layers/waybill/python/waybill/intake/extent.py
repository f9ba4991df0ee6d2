"""Where a JSON value ends, found by its brackets and quotation marks alone, in pieces of any size."""

import re

from waybill.intake.rows import MOST_TRACKED_DEPTH

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|["{}\[\]]', re.DOTALL)
_IN_STRING = re.compile(rb'["\\]')
_SCALAR_END = re.compile(rb'[ \t\r\n,:"{}\[\]]')
_CLOSERS = {ord("{"): ord("}"), ord("["): ord("]")}
_QUOTE, _BACKSLASH = b'"\\'


class Mismatch(Exception):
    """A bracket, or another character, that cannot stand where it does. ``position`` is in the piece at hand."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class TooDeep(Exception):
    """More brackets than MOST_TRACKED_DEPTH are open."""


class Extent:
    """Looks for the end of one value. Give it the pieces in order."""

    def __init__(self) -> None:
        self._closers = bytearray()
        self._begun = False
        self._in_string = False
        self._escaped = False

    def end(self, piece: bytes, position: int) -> int | None:
        """Return where in ``piece`` the value ends that goes on at ``position``, None if it is not in it.

        Raises Mismatch or TooDeep.
        """
        while position < len(piece):
            if self._in_string:
                position = self._through_string(piece, position)
                if not self._in_string and not self._closers:
                    return position
            elif self._closers or piece[position] in b'"{[':
                found = _TOKEN.search(piece, position)
                if found is None:
                    return None
                position = found.end()
                self._take(found)
                if not self._closers and not self._in_string:
                    return position
            else:
                return self._scalar(piece, position)
        return None

    def _scalar(self, piece: bytes, position: int) -> int | None:
        found = _SCALAR_END.search(piece, position)
        if found is None:
            self._begun = True
            return None
        if found.start() == position and not self._begun:
            raise Mismatch(position)
        return found.start()

    def _take(self, token: "re.Match[bytes]") -> None:
        byte = token.string[token.start()]
        if byte == _QUOTE:
            self._in_string = token.end() - token.start() == 1
        elif byte in _CLOSERS:
            self._closers.append(_CLOSERS[byte])
            if len(self._closers) > MOST_TRACKED_DEPTH:
                raise TooDeep
        elif not self._closers or self._closers.pop() != byte:
            raise Mismatch(token.start())

    def _through_string(self, piece: bytes, position: int) -> int:
        if self._escaped:
            self._escaped = False
            return position + 1
        found = _IN_STRING.search(piece, position)
        if found is None:
            return len(piece)
        if piece[found.start()] == _BACKSLASH:
            self._escaped = True
        else:
            self._in_string = False
        return found.end()
