"""Tell the world that the state of an export or an import has changed."""

from waybill.domain.change_event import ChangeEvent, Event
from waybill.domain.webhook_message import message_of
from waybill.ports import EventBus, JobStore, Metrics, ScheduleStore, WebhookStore, WebhookWorkflow
from waybill.services.note_scheduled_end import note_scheduled_end


def publish_change(
    tenant: str,
    event: Event,
    *,
    bus: EventBus,
    webhooks: WebhookStore,
    workflow: WebhookWorkflow,
    schedules: ScheduleStore,
    jobs: JobStore,
    metrics: Metrics,
) -> None:
    """Put the event on the bus, start sending it to every webhook that wants it, and tell an export's schedule.

    Safe to repeat: a repeated event has the same id, and what is being sent already is not sent again. Raises
    StorageUnavailable, and ScheduleChanged if others change the schedule all the time.
    """
    bus.publish(event, tenant=tenant)
    for webhook in webhooks.list(tenant):
        if webhook.wants(event.type):
            workflow.start(tenant, webhook.name, message_of(event))
    if isinstance(event, ChangeEvent):
        note_scheduled_end(tenant, event.export_id, schedules=schedules, jobs=jobs)
    metrics.count("ChangesPublished", 1)
