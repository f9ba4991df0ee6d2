"""Start the export that an event on the bus asks for."""

from dataclasses import dataclass

from waybill.domain.catalog import Catalog
from waybill.domain.job import ExportJob
from waybill.domain.options import ExportOptions
from waybill.domain.quota import QuotaLimits
from waybill.ports import Clock, JobStore, Metrics, Workflow
from waybill.services.create_export import create_export


@dataclass(frozen=True, slots=True)
class RequestedExport:
    """What an event asks for. ``event_id`` is the same however often the event is delivered."""

    event_id: str
    tenant: str
    options: ExportOptions


def start_requested_export(
    request: RequestedExport,
    *,
    quota: QuotaLimits,
    catalog: Catalog,
    jobs: JobStore,
    workflow: Workflow,
    clock: Clock,
    metrics: Metrics,
) -> ExportJob:
    """Start the export as the API does, once however often its event comes; return its job.

    Raises what ``create_export`` raises.
    """
    return create_export(
        request.tenant,
        request.options,
        idempotency_key=f"event:{request.event_id}",
        quota=quota,
        catalog=catalog,
        jobs=jobs,
        workflow=workflow,
        clock=clock,
        metrics=metrics,
    )
