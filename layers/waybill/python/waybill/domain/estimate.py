"""What an export would be: how much it reads, what comes of it, how long that takes and what AWS charges for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from waybill.domain.options import ExportOptions
from waybill.domain.prices import EGRESS_GB, STORAGE_GB_MONTH, LambdaTime, Usage


@dataclass(frozen=True, slots=True)
class Amount:
    """Records and files, their numbers and bytes.

    ``record_bytes`` counts records as lines of JSON text. ``shrinking_bytes`` are those of ``file_bytes`` that are of a
    kind which compression makes smaller.
    """

    records: int = 0
    record_bytes: int = 0
    files: int = 0
    file_bytes: int = 0
    shrinking_bytes: int = 0

    @property
    def bytes(self) -> int:
        """All bytes."""
        return self.record_bytes + self.file_bytes

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            self.records + other.records,
            self.record_bytes + other.record_bytes,
            self.files + other.files,
            self.file_bytes + other.file_bytes,
            self.shrinking_bytes + other.shrinking_bytes,
        )

    def times(self, factor: float) -> "Amount":
        """Return ``factor`` times as much, in whole numbers."""
        return Amount(
            round(self.records * factor),
            round(self.record_bytes * factor),
            round(self.files * factor),
            round(self.file_bytes * factor),
            round(self.shrinking_bytes * factor),
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """What would stop an export or cut it short: a stable ``code``, and a sentence for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How the work of an export is cut.

    ``segments`` are the staged objects with records, ``slices`` the runs of them that parts are made of. ``bytes`` is
    what goes through the packers, ``total_size`` what the parts have together.
    """

    shards: int
    read_batches: int
    segments: int = 0
    slices: int = 0
    parts: int = 0
    pack_batches: int = 0
    bytes: int = 0
    total_size: int = 0


@dataclass(frozen=True, slots=True)
class Workflow:
    """What the state machine and its steps are set to.

    A first round of reading ends after ``first_round_seconds``. At most ``side_by_side`` workers are at work, each of
    which comes back after ``step_seconds``. ``piece`` is how many bytes of a part are stored at once.
    """

    first_round_seconds: int
    side_by_side: int
    step_seconds: int
    piece: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long an export takes from its request to ``done``, in seconds, and what is used for it."""

    seconds: float
    usage: Usage


START_SECONDS = 7.0
"""What an export of 800 records takes, most functions started cold (docs/api.md, "The export document")."""

ROUND_SECONDS = 2.0
"""Another round of a Map: two or three states more."""

READ_SECONDS = 1 / 26e6 + 1 / 100e6 + 0.02 / 1e6
"""For a byte of records: turned into JSON, packed, and its share of a page's way (docs/performance.md).

Of the two measured kinds of records the slower. A request to AWS takes 20 milliseconds or more, a page has 1 MB.
"""

LIST_SECONDS = 0.05 / 1_000
"""For a file in the bucket's listing, which gives 1,000 at once."""

PACK_SECONDS = 900 / (44 * 1024**3)
"""For a byte that is packed: 44 GiB are what a worker packs in a call (``services.plan_parts.BATCH_BYTES``)."""

FILE_SECONDS = 1 / 795
"""For getting a small file, others at the same time (docs/performance.md, ``small_objects_per_second``)."""

WORKER_GIBIBYTES = 1769 / 1024
"""Memory of the functions that make exports (template.yaml)."""

STATES = 8
"""That every export enters, besides one for each batch of a Map (docs/architecture.md, "The state machine")."""

STATES_OF_A_ROUND = 3
"""That another round of a Map enters, besides its batches: the Map, the step behind it, and the choice."""

ITEM_BYTES = 100
"""What an item of DynamoDB has besides the record: keys, times and the attributes' names."""

READ_UNIT = 4096
"""Bytes of a read unit; eventually consistent, half a unit."""


def forecast(amount: Amount, plan: Plan, workflow: Workflow) -> Forecast:
    """Say how long it takes to make an export of ``amount`` by ``plan``, and what is used for that.

    Exports of large files may take less than this: those that the store copies are counted as if they were packed.
    """
    reading = _reading(amount, plan, workflow)
    packing = _packing(amount, plan, workflow)
    at_work = START_SECONDS + reading.work + packing.work
    steps = 4 + reading.calls + packing.calls
    requests = 2 + plan.parts
    return Forecast(
        seconds=START_SECONDS + reading.seconds + packing.seconds,
        usage=Usage(
            api_requests=requests,
            functions=LambdaTime(steps + requests, at_work * WORKER_GIBIBYTES),
            transitions=STATES + reading.states + packing.states,
            read_units=(amount.record_bytes + ITEM_BYTES * amount.records) / READ_UNIT / 2 + 2 * steps + requests,
            write_units=4 + plan.shards + 2 * plan.parts,
            s3_puts=_puts(plan, workflow.piece) + amount.files // 1_000,
            s3_gets=_gets(plan, reading.calls, packing.calls) + amount.files,
            signatures=1,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Phase:
    """One of the two phases: how long it takes, how long its workers work, their calls, and the states entered."""

    seconds: float
    work: float
    calls: int
    states: int


def _reading(amount: Amount, plan: Plan, workflow: Workflow) -> _Phase:
    """One reader for a batch of shards; what is left after the first round has a reader for each shard."""
    work = amount.record_bytes * READ_SECONDS + amount.files * LIST_SECONDS
    at_once = min(plan.read_batches, workflow.side_by_side)
    first = work / at_once
    if first <= workflow.first_round_seconds:
        return _Phase(first, work, plan.read_batches, plan.read_batches)
    left = work - workflow.first_round_seconds * at_once
    shards = min(max(-(-plan.shards * left // work), 1), plan.shards)
    rounds = -(-left // (shards * workflow.step_seconds))
    calls = int(plan.read_batches + rounds * shards)
    seconds = workflow.first_round_seconds + left / min(shards, workflow.side_by_side) + rounds * ROUND_SECONDS
    return _Phase(seconds, work, calls, int(calls + rounds * STATES_OF_A_ROUND))


def _packing(amount: Amount, plan: Plan, workflow: Workflow) -> _Phase:
    """One packer for a batch of parts, in as many rounds as it takes."""
    work = plan.bytes * PACK_SECONDS + amount.files * FILE_SECONDS
    batches = max(plan.pack_batches, 1)
    rounds = max(-(-work // (batches * workflow.step_seconds)), 1)
    calls = int(rounds * batches)
    seconds = work / min(batches, workflow.side_by_side) + (rounds - 1) * ROUND_SECONDS
    return _Phase(seconds, work, calls, int(calls + (rounds - 1) * STATES_OF_A_ROUND))


def _puts(plan: Plan, piece: int) -> int:
    """Requests of the class PUT, listings among them.

    Reading: the catalog and the batches, a segment and a checkpoint for each flush. Planning: three lists, and one for
    each batch. Packing: the parts and their results. At the end the manifest, its signature and the pieces. Listed are:
    every shard five times, the results, what goes, and unfinished uploads twice.
    """
    size = plan.total_size // max(plan.parts, 1)
    of_a_part = 1 if size <= piece else 2 + -(-size // piece)
    left_behind = 2 + plan.segments + _flushes(plan) + 3 + plan.pack_batches + plan.parts + 3
    return left_behind + of_a_part * plan.parts + 5 * plan.shards + 4


def _gets(plan: Plan, readings: int, packings: int) -> int:
    """Requests of the class GET but those of files: what steps leave for each other, and segments.

    The lists of batches are read four times, of parts, their header and the ledger four times more; a reader and the
    last step read the catalog, a packer the catalog, the header and its batch. Checkpoints are read three times, the
    last of each shard once more. Whether a part is there is looked for, and its result read.
    """
    return 9 + readings + 3 * packings + 3 * _flushes(plan) + plan.shards + plan.slices + 2 * plan.parts


def _flushes(plan: Plan) -> int:
    """Each shard has one, with a segment or without."""
    return max(plan.segments, plan.shards)


@dataclass(frozen=True, slots=True)
class Bulk:
    """What is to be put into parts, in bytes as they can get there at most.

    ``records`` go first, or all into the first part if it ``gathers``. They come in entries that take half of a part
    before they shrink to ``ratio``, ``entry`` bytes at most, and one record of ``record`` bytes at least. ``files`` of
    ``file_bytes`` follow, of about one size. A part has ``around`` besides, and at most ``most_entries``.
    """

    records: int
    record: int
    entry: int
    ratio: float
    gathers: bool
    files: int
    file_bytes: int
    around: int
    most_entries: int

    def parts(self, parts_size: int) -> int:
        """Return about how many parts there are."""
        room = max(parts_size - self.around, 1)
        if not self.gathers and self.records + self.file_bytes <= room and self.files < self.most_entries:
            return 1
        entry = max(min(parts_size / 2 * self.ratio, self.entry), self.record)
        filled = 0.0 if self.gathers else self.records / max(room - entry / 2, entry, 1)
        if self.files:
            mean = self.file_bytes / self.files
            filled += self.files / min(max(room / max(mean, 1) - 0.5, 1.0), self.most_entries)
        return max(-int(-filled // 1), 1)


def parts_of(bulks: Sequence[Bulk], parts_size: int) -> int:
    """Return about how many parts there are of several bulks, none of which shares a part with another."""
    return sum(bulk.parts(parts_size) for bulk in bulks)


def enough_for(bulks: Sequence[Bulk], parts: int, most: int) -> int | None:
    """Return the smallest ``parts_size`` up to ``most`` with which there are at most ``parts`` parts, if any is."""
    low, high = 1, most
    if parts_of(bulks, most) > parts:
        return None
    while low < high:
        middle = (low + high) // 2
        if parts_of(bulks, middle) > parts:
            low = middle + 1
        else:
            high = middle
    return low


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an export would be. ``amounts`` is how much every doctype has, ``counted`` which of them were counted.

    ``id`` names the answer and nothing else. ``storage_days`` is how long the parts are kept.
    """

    id: str
    options: ExportOptions
    amounts: Mapping[str, Amount]
    counted: frozenset[str]
    plan: Plan
    forecast: Forecast
    storage_days: float
    limits: Sequence[Limit]

    @property
    def amount(self) -> Amount:
        """All doctypes together."""
        return sum(self.amounts.values(), Amount())

    @property
    def exact(self) -> bool:
        """Whether everything was counted, so that nothing is extrapolated but time and compressed sizes."""
        return len(self.counted) == len(self.amounts)

    @property
    def costs(self) -> dict[str, float]:
        """US dollars, by what AWS charges for; the parts are taken to be downloaded once."""
        gigabytes = self.plan.total_size / 1e9
        return {
            **self.forecast.usage.costs(),
            "storage": gigabytes * STORAGE_GB_MONTH * self.storage_days / 30,
            "download": gigabytes * EGRESS_GB,
        }
