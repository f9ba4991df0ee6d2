"""The settings of a function, from its environment. Read when first needed, never at import."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from waybill.domain.date_range import DEFAULT_TIME_ZONE
from waybill.domain.import_limits import DEFAULT_INPUT_BYTES, DEFAULT_UPLOADS, ImportLimits
from waybill.domain.quota import QuotaLimits


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that template.yaml hands to the functions; docs/operations.md lists it."""

    jobs_table: str
    archives_bucket: str
    export_workflow_arn: str
    signing_key_id: str
    tenant_claim: str
    scope_prefix: str
    download_url_lifetime: timedelta
    metalink_url_lifetime: timedelta
    link_api_url: str
    quota: QuotaLimits
    least_between_runs: timedelta
    schedule_group: str
    schedule_function_arn: str
    schedule_role_arn: str
    schedule_dead_letters_arn: str
    region: str
    s3_endpoint: str | None
    dynamodb_endpoint: str
    stepfunctions_endpoint: str
    kms_endpoint: str
    event_bus: str
    event_sources: tuple[str, ...]
    webhook_workflow_arn: str
    webhook_allow_private: bool
    eventbridge_endpoint: str
    scheduler_endpoint: str
    secretsmanager_endpoint: str
    jwt_issuer: str
    jwt_audience: tuple[str, ...]
    jwt_issuer_endpoint: str | None
    time_zone: str
    max_range_days: int
    qiscus_max_range_days: int
    import_limits: ImportLimits
    import_allow_private: bool
    import_workflow_arn: str
    max_running_imports: int


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings. Raises KeyError naming the variable that is missing.

    ``AWS_ENDPOINT_URL`` and ``AWS_ENDPOINT_URL_<SERVICE>`` are honoured as in the AWS SDKs.
    """
    region = environment["AWS_REGION"]
    suffix = environment.get("URL_SUFFIX", "amazonaws.com")

    def endpoint(service: str) -> str | None:
        return environment.get(f"AWS_ENDPOINT_URL_{service}") or environment.get("AWS_ENDPOINT_URL")

    return Settings(
        jobs_table=environment["JOBS_TABLE"],
        archives_bucket=environment["ARCHIVES_BUCKET"],
        export_workflow_arn=environment.get("EXPORT_WORKFLOW_ARN", ""),
        signing_key_id=environment.get("SIGNING_KEY_ID", ""),
        tenant_claim=environment.get("TENANT_CLAIM", "sub"),
        scope_prefix=environment.get("SCOPE_PREFIX", "waybill/"),
        download_url_lifetime=timedelta(seconds=int(environment.get("DOWNLOAD_URL_SECONDS", "300"))),
        metalink_url_lifetime=timedelta(seconds=int(environment.get("METALINK_URL_SECONDS", "3600"))),
        link_api_url=environment.get("LINK_API_URL", ""),
        quota=QuotaLimits(
            running=int(environment.get("MAX_RUNNING_EXPORTS", "3")),
            per_day=int(environment.get("MAX_EXPORTS_PER_DAY", "20")),
        ),
        least_between_runs=timedelta(minutes=int(environment.get("MIN_SCHEDULE_MINUTES", "60"))),
        schedule_group=environment.get("SCHEDULE_GROUP", ""),
        schedule_function_arn=environment.get("SCHEDULE_FUNCTION_ARN", ""),
        schedule_role_arn=environment.get("SCHEDULE_ROLE_ARN", ""),
        schedule_dead_letters_arn=environment.get("SCHEDULE_DEAD_LETTERS_ARN", ""),
        region=region,
        s3_endpoint=endpoint("S3"),
        dynamodb_endpoint=endpoint("DYNAMODB") or f"https://dynamodb.{region}.{suffix}",
        stepfunctions_endpoint=endpoint("SFN") or f"https://states.{region}.{suffix}",
        kms_endpoint=endpoint("KMS") or f"https://kms.{region}.{suffix}",
        event_bus=environment.get("EVENT_BUS", ""),
        event_sources=tuple(filter(None, environment.get("EVENT_SOURCES", "").split(","))),
        webhook_workflow_arn=environment.get("WEBHOOK_WORKFLOW_ARN", ""),
        webhook_allow_private=environment.get("WEBHOOK_ALLOW_PRIVATE", "false") == "true",
        eventbridge_endpoint=endpoint("EVENTBRIDGE") or f"https://events.{region}.{suffix}",
        scheduler_endpoint=endpoint("SCHEDULER") or f"https://scheduler.{region}.{suffix}",
        secretsmanager_endpoint=endpoint("SECRETS_MANAGER") or f"https://secretsmanager.{region}.{suffix}",
        jwt_issuer=environment.get("JWT_ISSUER", ""),
        jwt_audience=tuple(name for name in environment.get("JWT_AUDIENCE", "").split(",") if name),
        jwt_issuer_endpoint=endpoint("COGNITO_IDENTITY_PROVIDER"),
        time_zone=environment.get("TIME_ZONE", DEFAULT_TIME_ZONE),
        max_range_days=int(environment.get("MAX_RANGE_DAYS", "0")),
        qiscus_max_range_days=int(environment.get("QISCUS_MAX_RANGE_DAYS", "30")),
        import_limits=ImportLimits(
            input_bytes=int(environment.get("MAX_INPUT_BYTES", DEFAULT_INPUT_BYTES)),
            uploads=int(environment.get("MAX_UPLOADS", DEFAULT_UPLOADS)),
        ),
        import_allow_private=environment.get("IMPORT_ALLOW_PRIVATE", "false") == "true",
        import_workflow_arn=environment.get("IMPORT_WORKFLOW_ARN", ""),
        max_running_imports=int(environment.get("MAX_RUNNING_IMPORTS", "2")),
    )
