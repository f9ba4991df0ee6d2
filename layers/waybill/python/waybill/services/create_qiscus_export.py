"""Create an export that the Qiscus dialect asks for."""

from datetime import date

from waybill.domain.catalog import Catalog
from waybill.domain.errors import InvalidOptions
from waybill.domain.qiscus import qiscus_options
from waybill.domain.quota import QuotaLimits
from waybill.ports import Clock, JobStore, Metrics, Workflow
from waybill.services.create_export import Creation, create_or_replay


def create_qiscus_export(
    tenant: str,
    resource: str,
    start_date: date | None,
    end_date: date | None,
    *,
    time_zone: str,
    most_days: int,
    idempotency_key: str | None,
    quota: QuotaLimits,
    catalog: Catalog,
    jobs: JobStore,
    workflow: Workflow,
    clock: Clock,
    metrics: Metrics,
) -> Creation:
    """Create an export of one resource type with a capability link, as ``create_or_replay`` does.

    Raises InvalidOptions for dates that do not fit together or span more than ``most_days``, and for a resource type
    that the catalog does not have; and whatever ``create_or_replay`` raises.
    """
    if resource not in catalog.doctypes:
        raise InvalidOptions(f"type: {resource} are not exported here.", "/type")
    options = qiscus_options(resource, start_date, end_date, time_zone)
    options.check_dates(most_days)
    return create_or_replay(
        tenant,
        options,
        with_link=True,
        idempotency_key=idempotency_key,
        quota=quota,
        catalog=catalog,
        jobs=jobs,
        workflow=workflow,
        clock=clock,
        metrics=metrics,
    )
