"""One S3 bucket."""

from waybill.adapters.credentials import CredentialSource, ambient


class S3Objects:
    """ObjectStore on one S3 bucket. ``endpoint`` is None for AWS itself, else a URL that is used path style."""

    def __init__(
        self, bucket: str, *, region: str, endpoint: str | None = None, credentials: CredentialSource = ambient
    ) -> None: ...
