"""Give the signature of a finished export's manifest."""

import hashlib

from waybill.domain import keys
from waybill.ports import Clock, JobStore, ObjectStore
from waybill.services.get_manifest import get_manifest


def get_manifest_signature(
    tenant: str, export_id: str, *, jobs: JobStore, archives: ObjectStore, clock: Clock
) -> bytes:
    """Return the signature of the manifest that ``get_manifest`` gives: ECDSA with SHA-256 over its bytes, in DER.

    Raises ExportNotFound, ExportGone or ExportNotReady.
    """
    manifest = get_manifest(tenant, export_id, jobs=jobs, archives=archives, clock=clock)
    return archives.get(keys.signature(export_id, hashlib.sha256(manifest).hexdigest()))
