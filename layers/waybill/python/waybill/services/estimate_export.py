"""Estimate an export before it is made. Nothing is stored, and nothing is started."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from waybill.domain.catalog import Catalog, Doctype
from waybill.domain.cursor import MOST_NAME_BYTES, check_names, names_too_long
from waybill.domain.errors import InvalidOptions, QuotaExceeded, TooManyParts
from waybill.domain.estimate import Amount, Estimate, Limit, Plan, Workflow, forecast
from waybill.domain.job import ExportJob, new_export
from waybill.domain.options import COZY, MAX_MAX_AGE, PLAIN, SECOND_NS, ExportOptions
from waybill.domain.plan import Shard
from waybill.domain.quota import QuotaLimits
from waybill.ports import Clock, JobStore, Measure, Sources
from waybill.services.choose_by_date import measured_by_date
from waybill.services.part_upload import PIECE
from waybill.services.parts_plan import has_too_many_documents, too_many_documents
from waybill.services.plan_export import FIRST_ROUND_SECONDS, SHARDS_PER_BATCH, shards_of
from waybill.services.plan_parts import MOST_PARTS, pack_batches, too_many_parts
from waybill.services.quota_check import with_place
from waybill.services.rehearsal import Rehearsal
from waybill.services.rough_plan import rough_plan
from waybill.services.table_rows import measured_in_rows

MOST_SECONDS = 8
"""For reading, all doctypes together, so that the answer comes within the time of the API."""

MOST_PAGES = 60
"""Pages of up to 1 MB that are counted, all doctypes together, but one of each doctype in any case."""

MOST_PAGES_OF_ONE = 20

WORKFLOW = Workflow(first_round_seconds=FIRST_ROUND_SECONDS, side_by_side=20, step_seconds=840, piece=PIECE)
"""As the state machine and its steps are set."""

_DAY_NS = 24 * 3600 * SECOND_NS


def estimate_export(
    tenant: str,
    options: ExportOptions,
    *,
    quota: QuotaLimits,
    catalog: Catalog,
    sources: Callable[[Catalog], Sources],
    jobs: JobStore,
    clock: Clock,
) -> Estimate:
    """Return what the export would be.

    What is small is read, and the export's own steps are gone through with it; of what is large some is read. Raises
    InvalidOptions as creating the export does, SourceUnavailable, StorageUnavailable.
    """
    doctypes = catalog.of_tenant(tenant).chosen(options)
    job = new_export(tenant, options, clock())
    found = sources(Catalog({doctype.name: doctype for doctype in doctypes}))
    measures = _measured(tenant, doctypes, found, clock)
    measures = {each.name: measured_by_date(measures[each.name], each, options.dates) for each in doctypes}
    measures = {name: measured_in_rows(each, found.of(name), options) for name, each in measures.items()}
    amounts = {name: measure.amount for name, measure in measures.items()}
    limits: list[Limit] = []
    plan = _planned(job, doctypes, measures, found, limits)
    foreseen = forecast(sum(amounts.values(), Amount()), plan, WORKFLOW)
    limits += _expiry(options, foreseen.seconds)
    limits += _quota(tenant, quota, jobs, clock)
    return Estimate(
        id=job.id,
        options=options,
        amounts=amounts,
        counted=frozenset(name for name, measure in measures.items() if measure.exact),
        plan=plan,
        forecast=foreseen,
        storage_days=options.max_age / _DAY_NS,
        limits=limits,
    )


class _Until:
    """A budget that is spent at a moment."""

    def __init__(self, moment: datetime, clock: Clock) -> None:
        self._moment = moment
        self._clock = clock

    def spent(self) -> bool:
        """Whether to stop."""
        return self._clock() >= self._moment


def _measured(tenant: str, doctypes: Sequence[Doctype], sources: Sources, clock: Clock) -> dict[str, Measure]:
    """Measure every doctype. Pages and time are shared out; what one leaves over is there for the next."""
    end = clock() + timedelta(seconds=MOST_SECONDS)
    pages = MOST_PAGES
    measures: dict[str, Measure] = {}
    for waiting, doctype in zip(range(len(doctypes), 0, -1), doctypes, strict=True):
        share = max(min(pages // waiting, MOST_PAGES_OF_ONE), 1)
        now = clock()
        budget = _Until(now + max(end - now, timedelta()) / waiting, clock)
        measure = sources.of(doctype.name).measure(tenant=tenant, pages=share, budget=budget)
        measures[doctype.name] = measure
        pages -= measure.pages
    return measures


def _planned(
    job: ExportJob,
    doctypes: Sequence[Doctype],
    measures: Mapping[str, Measure],
    sources: Sources,
    limits: list[Limit],
) -> Plan:
    """Return the plan, and add to ``limits`` what it finds in the way."""
    options = job.options
    catalog = Catalog({doctype.name: doctype for doctype in doctypes})
    records = sum(measure.amount.records for measure in measures.values())
    if has_too_many_documents(options, records):
        limits.append(Limit("too_many_records", too_many_documents(options, records)))
    counted = all(measure.exact for measure in measures.values())
    shards = shards_of(job.tenant, doctypes, sources) if counted else _one_each(doctypes)
    try:
        rehearsal = Rehearsal(job, catalog, shards, {name: each.items for name, each in measures.items()})
    except InvalidOptions as error:
        if options.layout == PLAIN:  # in others it is the number of records, which was told above
            limits.append(Limit("too_many_columns", str(error)))
        return Plan(shards=len(shards), read_batches=1)
    if counted:
        return _exactly(job, shards, rehearsal, limits)
    rough = rough_plan(
        options,
        catalog,
        rehearsal,
        read={name: each.read for name, each in measures.items()},
        amounts={name: each.amount for name, each in measures.items()},
    )
    if rough.plan.parts > MOST_PARTS:
        limits.append(Limit("too_many_parts", too_many_parts(rough.plan.parts, options.parts_size, rough.enough)))
    if options.layout == COZY and rough.name_bytes > MOST_NAME_BYTES:
        limits.append(Limit("part_names_too_long", names_too_long(rough.name_bytes, rough.plan.parts)))
    return rough.plan


def _one_each(doctypes: Sequence[Doctype]) -> list[Shard]:
    return [Shard(number, doctype.name) for number, doctype in enumerate(doctypes)]


def _exactly(job: ExportJob, shards: Sequence[Shard], rehearsal: Rehearsal, limits: list[Limit]) -> Plan:
    """Return the plan that the export itself would make."""
    parts = slices = size = bound = batches = 0
    names: list[str] = []
    for batch in pack_batches(rehearsal.parts_plan.plans()):
        batches += 1
        for part in batch.parts:
            parts += 1
            slices += len(part.slices) + any(file.reference.record for file in part.files)
            bound += part.bound
            size += rehearsal.size(part)
            names.append(part.first_file)
    if parts > MOST_PARTS:
        sentence = too_many_parts(parts, job.options.parts_size, rehearsal.parts_plan.enough(MOST_PARTS))
        limits.append(Limit("too_many_parts", sentence))
    elif job.options.layout == COZY:
        limits += _names(names)
    return Plan(
        shards=len(shards),
        read_batches=-(-max(len(shards), 1) // SHARDS_PER_BATCH),
        segments=rehearsal.segments,
        slices=slices,
        parts=parts,
        pack_batches=batches,
        bytes=bound,
        total_size=size,
    )


def _names(names: Sequence[str]) -> list[Limit]:
    try:
        check_names(names[1:], len(names))
    except TooManyParts as error:
        return [Limit("part_names_too_long", str(error))]
    return []


def _expiry(options: ExportOptions, seconds: float) -> list[Limit]:
    if seconds * SECOND_NS < options.max_age:
        return []
    return [
        Limit(
            "expires_too_soon",
            f"It takes about {seconds:,.0f} seconds to make this export, and with a max_age of {options.max_age} "
            "nanoseconds it expires before that. Ask for a larger max_age"
            + (", or for fewer doctypes." if options.max_age == MAX_MAX_AGE else "."),
        )
    ]


def _quota(tenant: str, quota: QuotaLimits, jobs: JobStore, clock: Clock) -> list[Limit]:
    """Look whether the export could be started now, and take no place for it."""
    used = jobs.quota(tenant).at(clock())
    try:
        used.check_day(clock(), quota)
        with_place(used, quota, jobs=jobs, clock=clock)
    except QuotaExceeded as error:
        return [Limit("quota_exceeded", str(error))]
    return []
