"""Where an import's objects lie in the archives bucket. Keys hold the import's id, doctypes and numbers."""

IMPORTS = "imports/"
"""Everything that any import has in the bucket."""

DIRECTORIES_FIRST = 0
"""The pass that holds the rows that others of the same doctype need: directories."""

OTHERS = 1
"""The pass that holds all other rows."""


def prefix(import_id: str) -> str:
    """Everything that an import has in the bucket."""
    return f"{IMPORTS}{import_id}/"


def work(import_id: str) -> str:
    """Everything that is only needed until the import has ended; it may hold passwords."""
    return f"{prefix(import_id)}work/"


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
