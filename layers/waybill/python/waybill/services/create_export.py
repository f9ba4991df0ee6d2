"""Create an export: its record and all that belongs to it in one write, then the execution that bears its name."""

from dataclasses import dataclass

from waybill.domain.catalog import Catalog
from waybill.domain.chain import Chain, check_can_chain
from waybill.domain.errors import ExportGone, ExportNotFound, IdempotencyKeyReused, JobChanged, QuotaExceeded
from waybill.domain.idempotency import RememberedKey, digest_of, key_digest, remember
from waybill.domain.job import ExportJob, ExportState, new_export
from waybill.domain.options import ExportOptions
from waybill.domain.progress import Progress, total
from waybill.domain.quota import QuotaLimits, QuotaUse
from waybill.ports import Clock, JobStore, Metrics, Workflow
from waybill.services.quota_check import with_place
from waybill.services.starting_export import start_execution, start_if_lost

_TRIES = 10


@dataclass(frozen=True, slots=True)
class Creation:
    """What became of a request for an export.

    ``replayed`` says that an earlier request with its key has made it; ``progress`` is there while it runs.
    """

    job: ExportJob
    progress: Progress | None
    replayed: bool


def create_export(
    tenant: str,
    options: ExportOptions,
    *,
    with_link: bool = False,
    idempotency_key: str | None = None,
    quota: QuotaLimits,
    catalog: Catalog,
    jobs: JobStore,
    workflow: Workflow,
    clock: Clock,
    metrics: Metrics,
    chain: Chain | None = None,
) -> ExportJob:
    """Do what ``create_or_replay`` does, and return the job."""
    return create_or_replay(
        tenant,
        options,
        with_link=with_link,
        idempotency_key=idempotency_key,
        quota=quota,
        catalog=catalog,
        jobs=jobs,
        workflow=workflow,
        clock=clock,
        metrics=metrics,
        chain=chain,
    ).job


def create_or_replay(
    tenant: str,
    options: ExportOptions,
    *,
    with_link: bool = False,
    idempotency_key: str | None,
    quota: QuotaLimits,
    catalog: Catalog,
    jobs: JobStore,
    workflow: Workflow,
    clock: Clock,
    metrics: Metrics,
    chain: Chain | None = None,
) -> Creation:
    """Store a new job and start making it; or return the one that an earlier request with the same key has made.

    ``with_link`` gives a new export a capability link in any layout.
    With ``chain`` it is one of a chain (``services.chains.next_in_chain`` gives its place).

    Raises InvalidOptions and QuotaExceeded before anything is stored; IdempotencyKeyReused if the key was used with
    other options, ExportGone if its export is gone, ExportBeingCreated while the first request is still being served.
    If the workflow cannot be started, the job ends in state error, nothing is counted, the key may be used again, and
    StorageUnavailable is raised. If the request dies before the workflow is started, another one with the same key
    starts it.
    """
    for _ in range(_TRIES):
        now = clock()
        used = jobs.quota(tenant)  # before the key: of two equal requests the second must not be refused for the first
        if idempotency_key is not None:
            known = jobs.remembered(tenant, key_digest(idempotency_key), now=now)
            if known is not None:
                return _replayed(tenant, known, options, jobs=jobs, workflow=workflow, clock=clock)
        catalog.of_tenant(tenant).chosen(options)
        if chain is not None:
            check_can_chain(options)
        used = _within(used, quota, jobs=jobs, clock=clock, metrics=metrics)
        job = new_export(tenant, options, now, with_link=with_link, chain=chain)
        key = None if idempotency_key is None else remember(idempotency_key, job.id, options, now)
        try:
            jobs.create(job, quota=used.started(job.id, now), key=key)
        except JobChanged:
            continue
        start_execution(job, jobs=jobs, workflow=workflow, clock=clock, key_digest=key.digest if key else None)
        metrics.count("ExportsStarted", 1)
        return Creation(job, total([]), replayed=False)
    raise JobChanged("Too many requests of yours came at the same time. Send this one again.")


def _replayed(
    tenant: str, known: RememberedKey, options: ExportOptions, *, jobs: JobStore, workflow: Workflow, clock: Clock
) -> Creation:
    if known.options != digest_of(options):
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used before with other options. Send another key for another export."
        )
    try:
        job = jobs.get(tenant, known.job_id)
    except ExportNotFound:
        raise ExportGone("The export that this Idempotency-Key has made has expired. Send another key.") from None
    job.check_not_gone(clock())
    if job.state is not ExportState.EXPORTING:
        return Creation(job, None, replayed=True)
    start_if_lost(job, jobs=jobs, workflow=workflow, clock=clock, key_digest=known.digest)
    return Creation(job, total(jobs.reports(tenant, job.id)), replayed=True)


def _within(used: QuotaUse, limits: QuotaLimits, *, jobs: JobStore, clock: Clock, metrics: Metrics) -> QuotaUse:
    used = used.at(clock())
    try:
        used.check_day(clock(), limits)
        return with_place(used, limits, jobs=jobs, clock=clock)
    except QuotaExceeded:
        metrics.count("ExportsRefused", 1)
        raise
