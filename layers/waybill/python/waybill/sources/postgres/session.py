"""One connection to a database, in one snapshot of it.

On libpq's own calls (``psycopg.pq``) instead of psycopg's cursors: a row of COPY then costs one call and one copy.
"""

import select
import time
from collections.abc import Iterator, Mapping

from psycopg import OperationalError, pq

from waybill.domain.errors import SourceUnavailable
from waybill.sources.postgres.failures import BROKEN, connection_reason, statement_reason
from waybill.sources.postgres.options import conninfo

_SETUP = b"""
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex';
SET extra_float_digits = 1; SET lc_monetary = 'C'; SET standard_conforming_strings = on;
SET row_security = off; SET statement_timeout = 0; SET lock_timeout = '60s';
SET idle_in_transaction_session_timeout = '10min';
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
"""
"""Whatever the server, its role and its database are set to, the same rows give the same bytes.

With row_security off a policy that would hide rows is an error. The transaction ends by itself if its reader is gone.
"""

_GOOD = frozenset((pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.COPY_OUT))

SILENCE_SECONDS = 600
"""A server that sorts for longer than this before its first row leaves a worker too little time for the rows."""


class Session:
    """A connection in a transaction that only reads, and sees the database as it was at ``as_of``.

    ``as_of`` is RFC 3339 in UTC with microseconds: what was committed by then is seen. ``source`` names the database in
    errors. ``knows_encoding`` says that its texts are Unicode. Every method raises SourceUnavailable.
    """

    def __init__(self, options: Mapping[str, str], source: str) -> None:
        self._source = source
        self._connection = pq.PGconn.connect_start(conninfo(dict(options)))
        reason = _refusal(self._connection, float(options.get("connect_timeout", "0")) or None)
        if reason:
            self._connection.finish()
            raise self.failed(reason)
        self._escaping = pq.Escaping(self._connection)
        self._done(_SETUP)
        as_of, encoding = self.rows("SELECT to_json(now()) #>> '{}', current_setting('server_encoding')")[0]
        self.as_of = as_of or ""
        self.knows_encoding = encoding != "SQL_ASCII"
        if not self.knows_encoding:
            self._done(b"SET client_encoding = 'SQL_ASCII'")  # or one row that is no UTF-8 would end the reading

    @property
    def usable(self) -> bool:
        """Whether its snapshot can still be read."""
        connection = self._connection
        return connection.status == pq.ConnStatus.OK and connection.transaction_status == pq.TransactionStatus.INTRANS

    def close(self) -> None:
        """End the connection. Safe to repeat."""
        self._connection.finish()

    def literal(self, text: str) -> str:
        """Return a text as an SQL literal."""
        return self._escaping.escape_literal(text.encode()).decode()

    def identifier(self, name: str) -> str:
        """Return a name quoted as SQL wants it."""
        return self._escaping.escape_identifier(name.encode()).decode()

    def rows(self, statement: str) -> list[list[str | None]]:
        """Return all rows of a small result, as PostgreSQL's text."""
        result = self._done(statement.encode())
        cells = range(result.nfields)
        return [[_text(result.get_value(row, cell)) for cell in cells] for row in range(result.ntuples)]

    def columns(self, statement: str) -> list[tuple[str, int]]:
        """Return name and type (oid) of a result's columns."""
        result = self._done(statement.encode())
        return [((result.fname(cell) or b"").decode(), result.ftype(cell)) for cell in range(result.nfields)]

    def copy(self, statement: str) -> Iterator[bytes]:
        """Yield what a COPY … TO STDOUT gives, a row at a time.

        If it is not read to its end, the session ends.
        """
        connection = self._connection
        self._done(statement.encode())
        socket = select.poll()
        socket.register(connection.socket, select.POLLIN)
        take = connection.get_copy_data
        whole = False
        try:
            while True:
                size, data = take(1)
                if size > 0:
                    yield bytes(data)
                elif size < 0:
                    break
                elif not socket.poll(SILENCE_SECONDS * 1000):
                    raise self.failed(
                        "it was silent for ten minutes. Give the key of the doctype an index to read along"
                    )
                else:
                    connection.consume_input()
            result = connection.get_result()
            if result is not None:
                self._check(result)
            while connection.get_result() is not None:
                pass
            whole = True
        except OperationalError:
            raise self.failed(BROKEN) from None
        finally:
            if not whole:
                self.close()

    def failed(self, reason: str) -> SourceUnavailable:
        """Return the error for a reason, which is the end of a sentence."""
        return SourceUnavailable(f"The PostgreSQL database of the source {self._source} cannot be read: {reason}.")

    def _done(self, statement: bytes) -> "pq.abc.PGresult":
        try:
            return self._check(self._connection.exec_(statement))
        except OperationalError:
            raise self.failed(BROKEN) from None

    def _check(self, result: "pq.abc.PGresult") -> "pq.abc.PGresult":
        if result.status in _GOOD:
            return result
        state = result.error_field(pq.DiagnosticField.SQLSTATE)
        raise self.failed(statement_reason(None if state is None else state.decode()))


def _refusal(connection: "pq.abc.PGconn", seconds: float | None) -> str:
    """Wait until a connection stands; return why it does not, empty if it does.

    libpq's own way to wait keeps other threads from running.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    state = pq.PollingStatus.WRITING
    while state not in {pq.PollingStatus.OK, pq.PollingStatus.FAILED}:
        if connection.status == pq.ConnStatus.BAD:
            break
        wanted = select.POLLIN if state == pq.PollingStatus.READING else select.POLLOUT
        socket = select.poll()
        socket.register(connection.socket, wanted)
        left = None if deadline is None else max(0, deadline - time.monotonic()) * 1000
        if not socket.poll(left):
            return connection_reason("timeout expired")
        state = pq.PollingStatus(connection.connect_poll())
    return "" if state == pq.PollingStatus.OK else connection_reason(connection.get_error_message())


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
