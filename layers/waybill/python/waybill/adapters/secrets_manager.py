"""The secrets that sources sign with, in AWS Secrets Manager."""

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.domain.errors import SourceUnavailable

_ADVICE = {
    "ResourceNotFoundException": "There is none of this name: look at the catalog.",
    "AccessDeniedException": "The functions may not read it: name it in SourceSecretArns.",
}


class _Value(msgspec.Struct):
    text: str | None = msgspec.field(default=None, name="SecretString")
    binary: bytes = msgspec.field(default=b"", name="SecretBinary")  # msgspec reads base64 into bytes


_VALUE = msgspec.json.Decoder(_Value)


class SecretsManager:
    """Secrets, each read once and kept in memory for as long as the function lives.

    ``client`` speaks to ``secretsmanager`` with the target prefix ``secretsmanager`` and JSON 1.1. Source:
    GetSecretValue in the Secrets Manager API reference.
    """

    def __init__(self, client: AwsJsonClient) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def get(self, name: str, *, fresh: bool = False) -> str:
        """Return the secret's present value (``ports.Secrets``). Raises SourceUnavailable."""
        if fresh or name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> str:
        try:
            value = _VALUE.decode(self._client.call("GetSecretValue", {"SecretId": name}))
            return value.binary.decode() if value.text is None else value.text
        except AwsError as error:
            advice = _ADVICE.get(error.kind, "")
            raise SourceUnavailable(
                f"The secret {name} cannot be read: Secrets Manager refused it ({error.kind}). {advice}".rstrip()
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise SourceUnavailable(f"The secret {name} cannot be read: it is not text.") from None
