"""Checks signatures of manifests with the keys that a deployment trusts: its own, and those that its operator names."""

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key


class P256Verifier:
    """Verifier (``intake.group``) of ECDSA on P-256 with SHA-256, DER. ``keys`` give public keys as PEM when asked."""

    def __init__(self, *keys: Callable[[], bytes]) -> None:
        self._keys = keys

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether the signature is that of the message by one of the keys. Raises what getting a key raises."""
        return any(_is_by(pem(), message, signature) for pem in self._keys)


def _is_by(pem: bytes, message: bytes, signature: bytes) -> bool:
    try:
        key = load_pem_public_key(pem)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        key.verify(signature, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
