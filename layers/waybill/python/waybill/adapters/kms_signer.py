"""The signing key, on AWS KMS."""

import base64
import functools
from typing import TypeVar

import msgspec

from waybill.adapters.aws_json import AwsError, AwsJsonClient
from waybill.domain.errors import StorageUnavailable

_ALGORITHM = "ECDSA_SHA_256"
_PEM_LINE = 64

A = TypeVar("A")


class _Signed(msgspec.Struct):
    signature: bytes = msgspec.field(name="Signature")  # msgspec reads base64 into bytes


class _PublicKey(msgspec.Struct):
    der: bytes = msgspec.field(name="PublicKey")  # SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7)


class KmsSigner:
    """Signer on one asymmetric key of KMS, with KeySpec ECC_NIST_P256 and KeyUsage SIGN_VERIFY.

    ``client`` speaks to ``kms`` with the target prefix ``TrentService`` and JSON 1.1. Sources: Sign and GetPublicKey in
    the KMS API reference.
    """

    def __init__(self, client: AwsJsonClient, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def sign(self, digest: bytes) -> bytes:
        """Return a signature for a SHA-256 digest, in DER. Raises StorageUnavailable."""
        payload = {
            "KeyId": self._key_id,
            "Message": base64.b64encode(digest).decode(),
            "MessageType": "DIGEST",
            "SigningAlgorithm": _ALGORITHM,
        }
        return self._call("Sign", payload, _Signed).signature

    def public_key_pem(self) -> bytes:
        """Return the public key as PEM. KMS is asked once: a key never changes. Raises StorageUnavailable."""
        return self._pem

    @functools.cached_property
    def _pem(self) -> bytes:
        text = base64.b64encode(self._call("GetPublicKey", {"KeyId": self._key_id}, _PublicKey).der).decode()
        lines = [text[start : start + _PEM_LINE] for start in range(0, len(text), _PEM_LINE)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]).encode()

    def _call(self, operation: str, payload: dict[str, str], kind: type[A]) -> A:
        try:
            return msgspec.json.decode(self._client.call(operation, payload), type=kind)
        except AwsError as error:
            raise StorageUnavailable(
                f"The signing key cannot be used: KMS refused {operation} ({error.kind})."
            ) from error
