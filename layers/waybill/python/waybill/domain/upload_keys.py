"""Where uploads lie in the archives bucket. A key holds the upload's id and nothing personal."""

UPLOADS = "uploads/"
"""Everything that was uploaded and everything that is being uploaded."""


def upload_object(upload_id: str) -> str:
    """Return where an upload's bytes lie once all of them are there."""
    return f"{UPLOADS}{upload_id}"
