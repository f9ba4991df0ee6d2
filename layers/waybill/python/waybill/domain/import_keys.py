"""Where an import's objects lie in the archives bucket. Keys hold the import's id, doctypes and numbers."""

IMPORTS = "imports/"
"""Everything that any import has in the bucket."""

DIRECTORIES_FIRST = 0
"""The pass that holds the rows that others of the same doctype need: directories."""

OTHERS = 1
"""The pass that holds all other rows."""

WAITING = 2
"""The pass that holds rows that validation has put off, because what they refer to stands behind them."""

_FIRST_ROUND = 1_000
_PER_ROUND = 1_000_000


def prefix(import_id: str) -> str:
    """Everything that an import has in the bucket."""
    return f"{IMPORTS}{import_id}/"


def import_of(prefix: str) -> str:
    """The id of the import that has this prefix."""
    return prefix.removeprefix(IMPORTS).removesuffix("/")


def work(import_id: str) -> str:
    """Everything that is only needed until the import has ended; it may hold passwords."""
    return f"{prefix(import_id)}work/"


def request_file(import_id: str) -> str:
    """The file that came with the request for the import."""
    return f"{work(import_id)}request-file"


def staging(import_id: str) -> str:
    """Where staging stopped."""
    return f"{work(import_id)}staging.json"


def fetched(import_id: str, number: int) -> str:
    """What a URL gave."""
    return f"{work(import_id)}fetched/{number:04}"


def inputs(import_id: str) -> str:
    """What the inputs turned out to be."""
    return f"{work(import_id)}inputs.json"


def rows(import_id: str) -> str:
    """All row files. They sort in the order in which rows are judged and written."""
    return f"{work(import_id)}rows/"


def row_file(import_id: str, rank: int, doctype: str, turn: int, number: int) -> str:
    """A run of rows of one doctype as they came in; ``turn`` is DIRECTORIES_FIRST or OTHERS."""
    return f"{rows(import_id)}{rank:03}-{doctype}/{turn}-{number:06}.ndjson"


def waiting_file(import_id: str, row_key: str, number: int) -> str:
    """A run of rows that were put off when ``row_key`` was judged: they sort behind all that come before them."""
    folder = row_key.removeprefix(rows(import_id)).partition("/")[0]
    place = (_FIRST_ROUND + round_of(row_key) + 1) * _PER_ROUND + number
    return f"{rows(import_id)}{folder}/{WAITING}-{place}.ndjson"


def round_of(row_key: str) -> int:
    """How often the rows of a row file were put off."""
    turn, _, number = row_key.rpartition("/")[2].removesuffix(".ndjson").partition("-")
    return int(number) // _PER_ROUND - _FIRST_ROUND if int(turn) == WAITING else 0


def doctype_of(key: str) -> str:
    """The doctype whose rows a row file holds, or a file beside it that has the same name."""
    return key.rsplit("/", 2)[-2].partition("-")[2]


def contents(import_id: str) -> str:
    """All contents of files that came in."""
    return f"{work(import_id)}contents/"


def content(import_id: str, number: int) -> str:
    """The content of a file that came in."""
    return f"{contents(import_id)}{number:09}"


def content_book(import_id: str) -> str:
    """Which content belongs to which record."""
    return f"{work(import_id)}contents.sqlite"


def verdicts(import_id: str) -> str:
    """All files of verdicts; each is named as the row file that it is about."""
    return f"{work(import_id)}verdicts/"


def seen(import_id: str) -> str:
    """Which keys validation has met so far."""
    return f"{work(import_id)}seen.sqlite"


def journal(import_id: str) -> str:
    """What was in the target before the import wrote there, for undoing it."""
    return f"{prefix(import_id)}undo/"


def report(import_id: str) -> str:
    """What became of the rows, by doctype."""
    return f"{prefix(import_id)}report.json"


def failures(import_id: str) -> str:
    """All files of rejected rows."""
    return f"{prefix(import_id)}failures/"


def validation(import_id: str) -> str:
    """Where validation stopped."""
    return f"{work(import_id)}validation.json"


def holders(import_id: str, doctype: str) -> str:
    """Which records of the target have which values in fields that no two may have in common."""
    return f"{work(import_id)}holders/{doctype}.sqlite"


def loading(import_id: str) -> str:
    """Where loading stopped."""
    return f"{work(import_id)}loading.json"


def undoing(import_id: str) -> str:
    """Where undoing stopped."""
    return f"{work(import_id)}undoing.json"


def verdict_file(import_id: str, row_key: str) -> str:
    """The accepted rows of a row file, as they are to be written."""
    return f"{verdicts(import_id)}{row_key.removeprefix(rows(import_id))}"


def rejected(import_id: str, row_key: str, phase: str) -> str:
    """Which rows of a row file were rejected in a phase (``validate``, ``load``), and why."""
    return f"{work(import_id)}rejected/{phase}/{row_key.removeprefix(rows(import_id))}"


def row_key_of(import_id: str, verdict_key: str) -> str:
    """The row file that a file of verdicts is about."""
    return f"{rows(import_id)}{verdict_key.removeprefix(verdicts(import_id))}"


def journal_entry(import_id: str, verdict_key: str, chunk: int, turn: int) -> str:
    """What was in the target before a chunk of a file of verdicts was written there.

    ``turn`` counts how often rows of it met something else than was noted, and were noted again.
    """
    name = verdict_key.removeprefix(verdicts(import_id)).removesuffix(".ndjson")
    return f"{journal(import_id)}{name}/{chunk:06}-{turn:04}.ndjson"


def unwritten(entry: str) -> str:
    """Which rows of a chunk were not written after all, beside its entry in the journal."""
    return f"{entry.rpartition('-')[0]}-none.ndjson"


def kept_contents(import_id: str) -> str:
    """Contents that were in the target before the import put others in their place."""
    return f"{prefix(import_id)}kept/"


def left(import_id: str) -> str:
    """Which records undoing has left, because they were changed since."""
    return f"{prefix(import_id)}left/"
