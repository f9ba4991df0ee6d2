"""Give the key that manifests are checked with."""

from waybill.ports import Signer


def get_public_key(*, signer: Signer) -> str:
    """Return the public key as PEM, as ``openssl dgst -verify`` takes it. Raises StorageUnavailable."""
    return signer.public_key_pem().decode()
