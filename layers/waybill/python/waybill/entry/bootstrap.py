"""The wiring: which adapter stands behind which port. Everything is made when it is first used, and kept."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from waybill.adapters.aws_json import AwsJsonClient
from waybill.adapters.backoff import Backoff
from waybill.adapters.clock import system_clock
from waybill.adapters.credentials import ambient
from waybill.adapters.dynamodb_api_keys import DynamoDbApiKeys
from waybill.adapters.dynamodb_chains import DynamoDbChains
from waybill.adapters.dynamodb_jobs import DynamoDbJobs
from waybill.adapters.dynamodb_webhooks import DynamoDbWebhooks
from waybill.adapters.eventbridge_bus import EventBridgeBus
from waybill.adapters.kms_signer import KmsSigner
from waybill.adapters.s3_objects import S3Objects
from waybill.adapters.stepfunctions import StepFunctionsWorkflow
from waybill.adapters.webhook_executions import WebhookExecutions
from waybill.domain.catalog import Catalog, Doctype, SystemSource
from waybill.domain.import_job import ImportJob
from waybill.entry.observability import EmfMetrics
from waybill.entry.settings import Settings, read_settings
from waybill.ports import (
    ApiKeys,
    ChainStore,
    Clock,
    EventBus,
    ImportStore,
    ImportWorkflow,
    InputsClient,
    JobStore,
    Metrics,
    ObjectStore,
    Scheduler,
    ScheduleStore,
    Secrets,
    Signer,
    Sink,
    Source,
    Sources,
    Staging,
    TokenVerifier,
    UploadParts,
    UploadStore,
    Web,
    WebhookClient,
    WebhookStore,
    WebhookWorkflow,
    Workflow,
)
from waybill.sources.registry import CatalogSources

if TYPE_CHECKING:
    from waybill.adapters.s3_contents import S3Contents
    from waybill.intake.group import Verifier
    from waybill.rules.doctype_rules import DoctypeRules

_COPY_SECONDS = 60.0
"""How long S3 may be silent while it copies a content."""

_IDLE_SECONDS = 4.0
"""Servers of other systems close a connection that is idle for longer; those on Node do after 5 seconds."""

_ESTIMATE_SECONDS = 5.0


class Wiring:
    """One of everything that a function may need."""

    def __init__(self, settings: Settings, *, clock: Clock, metrics: Metrics) -> None:
        self.settings = settings
        self.clock = clock
        self.metrics = metrics

    @functools.cached_property
    def jobs(self) -> JobStore:
        """The job records."""
        return DynamoDbJobs(self._dynamodb, self.settings.jobs_table, clock=self.clock)

    @functools.cached_property
    def chains(self) -> ChainStore:
        """The last good run of every chain of exports."""
        return DynamoDbChains(self._dynamodb, self.settings.jobs_table)

    @functools.cached_property
    def imports(self) -> ImportStore:
        """The records of imports. What knows of them is loaded only by functions that need it."""
        from waybill.adapters.dynamodb_imports import DynamoDbImports  # noqa: PLC0415

        return DynamoDbImports(self._dynamodb, self.settings.jobs_table, clock=self.clock)

    @functools.cached_property
    def import_workflow(self) -> ImportWorkflow:
        """The state machine that makes imports and undoes them."""
        from waybill.adapters.import_executions import ImportExecutions  # noqa: PLC0415

        client = AwsJsonClient(
            "states",
            "AWSStepFunctions",
            endpoint=self.settings.stepfunctions_endpoint,
            region=self.settings.region,
        )
        return ImportExecutions(client, self.settings.import_workflow_arn)

    @functools.cached_property
    def uploads(self) -> UploadStore:
        """The records of uploads."""
        from waybill.adapters.dynamodb_uploads import DynamoDbUploads  # noqa: PLC0415

        return DynamoDbUploads(self._dynamodb, self.settings.jobs_table)

    @functools.cached_property
    def upload_parts(self) -> UploadParts:
        """Where clients send the parts of uploads."""
        from waybill.adapters.s3_uploads import S3Uploads  # noqa: PLC0415

        bucket, settings = self.settings.archives_bucket, self.settings
        return S3Uploads(bucket, region=settings.region, endpoint=settings.s3_endpoint, clock=self.clock)

    @functools.cached_property
    def inputs_client(self) -> InputsClient:
        """What fetches the URLs of imports. Loaded only by the function that does."""
        from waybill.adapters.public_web import PublicWeb  # noqa: PLC0415
        from waybill.adapters.web_inputs import WebInputs  # noqa: PLC0415

        return WebInputs(PublicWeb(allow_private=self.settings.import_allow_private))

    @functools.cached_property
    def verifier(self) -> "Verifier":
        """Who checks the signatures of manifests: with the deployment's own key, which is asked for when one comes."""
        from waybill.adapters.signature_verifier import P256Verifier  # noqa: PLC0415

        return P256Verifier(self.signer.public_key_pem)

    @functools.cached_property
    def sink(self) -> Sink:
        """Where imports write: the tables and buckets of the catalog."""
        from waybill.adapters.catalog_sink import CatalogSink  # noqa: PLC0415

        archives = self.settings.archives_bucket
        return CatalogSink(self.catalog, tables=self._dynamodb, contents=self._contents, archives=archives)

    def rules_of(self, doctype: str, job: ImportJob) -> "DoctypeRules":
        """Return the rules of a doctype for the rows of an import. Loaded only by the function that judges."""
        from waybill.rules.rulebook import rules_of  # noqa: PLC0415

        archived = job.options.doctype is None  # only rows in an archive say themselves what they are
        return rules_of(doctype, self.catalog.doctypes.values(), job.created_at, archived=archived)

    @functools.cached_property
    def archives(self) -> ObjectStore:
        """The bucket of the archives."""
        return self.bucket(self.settings.archives_bucket)

    @functools.cached_property
    def workflow(self) -> Workflow:
        """The state machine that makes exports."""
        client = AwsJsonClient(
            "states",
            "AWSStepFunctions",
            endpoint=self.settings.stepfunctions_endpoint,
            region=self.settings.region,
        )
        return StepFunctionsWorkflow(client, self.settings.export_workflow_arn)

    @functools.cached_property
    def signer(self) -> Signer:
        """The key that manifests are signed with."""
        client = AwsJsonClient(
            "kms",
            "TrentService",
            endpoint=self.settings.kms_endpoint,
            region=self.settings.region,
            json_version="1.1",
        )
        return KmsSigner(client, self.settings.signing_key_id)

    @functools.cached_property
    def bus(self) -> EventBus:
        """The bus that changes of exports are told on."""
        client = AwsJsonClient(
            "events",
            "AWSEvents",
            endpoint=self.settings.eventbridge_endpoint,
            region=self.settings.region,
            json_version="1.1",
        )
        return EventBridgeBus(client, self.settings.event_bus)

    @functools.cached_property
    def webhooks(self) -> WebhookStore:
        """The tenants' webhooks."""
        return DynamoDbWebhooks(self._dynamodb, self.settings.jobs_table)

    @functools.cached_property
    def webhook_workflow(self) -> WebhookWorkflow:
        """The state machine that sends events to webhooks."""
        client = AwsJsonClient(
            "states",
            "AWSStepFunctions",
            endpoint=self.settings.stepfunctions_endpoint,
            region=self.settings.region,
        )
        return WebhookExecutions(client, self.settings.webhook_workflow_arn)

    @functools.cached_property
    def webhook_client(self) -> WebhookClient:
        """What asks the receivers of webhooks. Loaded only by the function that does."""
        from waybill.adapters.webhook_client import DirectWebhookClient  # noqa: PLC0415

        return DirectWebhookClient(allow_private=self.settings.webhook_allow_private)

    @functools.cached_property
    def schedules(self) -> ScheduleStore:
        """The schedules. What knows of them is loaded only by functions that need it; it brings the time zones."""
        from waybill.adapters.dynamodb_schedules import DynamoDbSchedules  # noqa: PLC0415

        return DynamoDbSchedules(self._dynamodb, self.settings.jobs_table)

    @functools.cached_property
    def scheduler(self) -> Scheduler:
        """What makes schedules fire."""
        from waybill.adapters.aws_rest_json import AwsRestJsonClient  # noqa: PLC0415
        from waybill.adapters.eventbridge_scheduler import EventBridgeScheduler, Target  # noqa: PLC0415

        client = AwsRestJsonClient(
            "scheduler",
            "EventBridge Scheduler",
            endpoint=self.settings.scheduler_endpoint,
            region=self.settings.region,
        )
        target = Target(
            self.settings.schedule_function_arn,
            self.settings.schedule_role_arn,
            self.settings.schedule_dead_letters_arn,
        )
        return EventBridgeScheduler(client, self.settings.schedule_group, target)

    @functools.cached_property
    def api_keys(self) -> ApiKeys:
        """The API keys of clients that bring no token."""
        return DynamoDbApiKeys(self._dynamodb, self.settings.jobs_table)

    @functools.cached_property
    def tokens(self) -> TokenVerifier:
        """Who checks tokens on routes that API Gateway does not guard. Its library is loaded with the first token."""
        from waybill.adapters.jwt_tokens import JwtTokens  # noqa: PLC0415

        settings = self.settings
        endpoint = settings.jwt_issuer_endpoint
        return JwtTokens(settings.jwt_issuer, settings.jwt_audience, clock=self.clock, endpoint=endpoint)

    @functools.cached_property
    def catalog(self) -> Catalog:
        """What this deployment exports. Its reader is loaded only by functions that need the catalog."""
        from waybill.entry.catalog_file import deployed_catalog  # noqa: PLC0415

        return deployed_catalog()

    @functools.cached_property
    def secrets(self) -> Secrets:
        """Where sources find what they sign in with. Loaded only by functions that read other systems."""
        from waybill.adapters.secrets_manager import SecretsManager  # noqa: PLC0415

        client = AwsJsonClient(
            "secretsmanager",
            "secretsmanager",
            endpoint=self.settings.secretsmanager_endpoint,
            region=self.settings.region,
            json_version="1.1",
        )
        return SecretsManager(client)

    def sources(self, catalog: Catalog, staging: Staging | None = None) -> Sources:
        """Where the doctypes of a catalog are read from; with a ``staging``, for the export that it belongs to."""
        system = functools.partial(self._system, staging)
        databases = functools.partial(self._databases, staging)
        return CatalogSources(catalog, tables=self._dynamodb, bucket=self.bucket, system=system, databases=databases)

    def _databases(self, staging: Staging | None) -> Callable[[Doctype], Source]:
        """Open PostgreSQL. Its driver is loaded only by functions that read from it."""
        from waybill.sources.postgres.opening import Databases  # noqa: PLC0415

        return Databases(self.secrets, staging).of

    def _system(self, staging: Staging | None, source: SystemSource) -> Callable[[Doctype], Source]:
        """Open another system. What reads those is loaded only by functions that do."""
        from waybill.adapters.http import Endpoint  # noqa: PLC0415
        from waybill.sources.rest.timing import Timing  # noqa: PLC0415
        from waybill.sources.system import Tools  # noqa: PLC0415
        from waybill.sources.systems import SYSTEMS  # noqa: PLC0415

        connect = functools.partial(Endpoint, idle=_IDLE_SECONDS)
        # An estimate has to answer within the time of the API; an export can wait.
        hurried = Timing(patience=_ESTIMATE_SECONDS, silence=_ESTIMATE_SECONDS)
        timing = hurried if staging is None else Timing(postpones=True)
        tools = Tools(connect, self.secrets, timing, staging=staging, now=self.clock, web=_web)
        return SYSTEMS[source.kind]().opened(source, tools)

    @functools.cached_property
    def _dynamodb(self) -> AwsJsonClient:
        return AwsJsonClient(
            "dynamodb", "DynamoDB_20120810", endpoint=self.settings.dynamodb_endpoint, region=self.settings.region
        )

    @functools.cache  # noqa: B019 - a wiring lives as long as its function
    def _contents(self, bucket: str) -> "S3Contents":
        from waybill.adapters.s3_contents import S3Contents  # noqa: PLC0415
        from waybill.adapters.s3_rest import S3Rest  # noqa: PLC0415

        return S3Contents(
            S3Rest(
                bucket,
                region=self.settings.region,
                endpoint=self.settings.s3_endpoint,
                credentials=ambient,
                clock=self.clock,
                backoff=Backoff(),
                timeout=_COPY_SECONDS,
            )
        )

    @functools.cache  # noqa: B019 - a wiring lives as long as its function
    def bucket(self, name: str) -> ObjectStore:
        """Return a bucket by its name."""
        return S3Objects(name, region=self.settings.region, endpoint=self.settings.s3_endpoint)


def _web(allow_private: bool) -> Web:  # noqa: FBT001 - as sources.system calls it
    """Return what fetches from addresses that somebody else has chosen. Loaded only by functions that do."""
    from waybill.adapters.public_web import PublicWeb  # noqa: PLC0415

    return PublicWeb(allow_private=allow_private)


@functools.cache
def wiring() -> Wiring:
    """Return this function's wiring."""
    return Wiring(read_settings(), clock=system_clock, metrics=EmfMetrics())
