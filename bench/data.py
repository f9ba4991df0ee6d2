"""Made-up data, the same in every run."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping

_SYLLABLES = (
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "ri",
    "so",
    "tu",
    "va",
    "we",
    "zu",
)


_OPENING, _CLOSING = '{\n "records": [\n', "\n ]\n}"


class Writer:
    """Invents text with the words, numbers and ids that personal data has. The same seed gives the same text."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._words = ["".join(self._random.choices(_SYLLABLES, k=self._random.randint(1, 4))) for _ in range(3_000)]

    def words(self, count: int) -> str:
        """Return a run of words; rank and frequency as in natural language, roughly."""
        return " ".join(self._words[int(3_000 ** self._random.random()) - 1] for _ in range(count))

    def record(self, words: int) -> dict[str, object]:
        """Return a record with fields of all JSON types and a free text of ``words`` words."""
        pick = self._random
        return {
            "_id": f"{pick.getrandbits(128):032x}",
            "_rev": f"{pick.randint(1, 9)}-{pick.getrandbits(64):016x}",
            "title": self.words(4),
            "note": self.words(words),
            "amount": pick.randint(-(10**6), 10**6) / 100,
            "visits": pick.randint(0, 10**6),
            "starred": pick.random() < 0.2,
            "tags": [self.words(1) for _ in range(3)],
            "place": {"lat": round(pick.uniform(-90, 90), 6), "lon": round(pick.uniform(-180, 180), 6), "alt": None},
            "created_at": f"2024-{pick.randint(1, 12):02}-{pick.randint(1, 28):02}T12:{pick.randint(0, 59):02}:00Z",
        }


def documents(count: int, size: int) -> Iterator[bytes]:
    """Yield ``count`` JSON documents of about ``size`` bytes each, no two alike."""
    writer = Writer(seed=1)
    for _ in range(count):
        records: list[dict[str, object]] = []
        length = 0
        while length < size:
            records.append(writer.record(words=30))
            length += len(json.dumps({"records": records[-1:]}, indent=1))
        yield json.dumps({"records": records}, indent=1).encode()


def large_documents(count: int, size: int) -> Iterator[bytes]:
    """Yield ``count`` JSON documents of about ``size`` bytes each: the same records in ever other orders.

    No document has a record twice, and deflate looks back no further than 32 KiB, so they compress as if all records
    were new; to make that many would take longer than to measure with them.
    """
    writer = Writer(seed=6)
    texts: list[str] = []
    length = 0
    while length < 4 * size:
        texts.append(json.dumps({"records": [writer.record(words=30)]}, indent=1)[len(_OPENING) : -len(_CLOSING)])
        length += len(texts[-1])
    order = random.Random(7)
    for _ in range(count):
        some = order.sample(texts, len(texts) // 4)
        yield (_OPENING + ",\n".join(some) + _CLOSING).encode()


def text_page(records: int, words: int) -> bytes:
    """Return the body of a Query's answer with records as JSON text, about as DynamoDB sends it."""
    writer = Writer(seed=2)
    return _page({"sk": f"{n:08}", "body": json.dumps(writer.record(words)), "updated_at": n} for n in range(records))


def attributes_page(records: int, words: int) -> bytes:
    """Return the body of a Query's answer with records as ordinary attributes, about as DynamoDB sends it."""
    writer = Writer(seed=3)
    return _page({"pk": "tenant", "sk": f"{n:08}"} | writer.record(words) for n in range(records))


def attribute(value: object) -> dict[str, object]:
    """Return a JSON value as DynamoDB's JSON has it."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case list():
            return {"L": [attribute(item) for item in value]}
        case dict():
            return {"M": {name: attribute(item) for name, item in value.items()}}
    return {"S": str(value)}


def _page(records: Iterable[Mapping[str, object]]) -> bytes:
    items = [{name: attribute(value) for name, value in record.items()} for record in records]
    return json.dumps({"Count": len(items), "Items": items, "ScannedCount": len(items)}, separators=(",", ":")).encode()
