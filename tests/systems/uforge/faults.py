"""What can be made to go wrong."""

import re
from dataclasses import dataclass


@dataclass
class Fault:
    """What happens to requests whose method and path (``GET users/bob/appliances``, with query) ``match`` a pattern.

    The first ``skip`` of them are spared, then ``times`` are hit, all of them if it is None. ``what`` is a status such
    as ``500``, or ``malformed``, ``truncated``, ``doctype``, ``other`` (XML of something else), ``first-page`` (the
    first page again and again), ``breaks`` (the body breaks off in the middle), ``resets`` (no answer at all, although
    the request was carried out).
    """

    match: str
    what: str
    times: int | None = None
    skip: int = 0
    headers: tuple[tuple[str, str], ...] = ()

    def hits(self, asked: str) -> bool:
        """Whether a request is hit; counts it."""
        if not re.search(self.match, asked) or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True
