"""What of a Cozy's documents never leaves unless the catalog asks for it (reference cozy-move, section 5, number 8).

A Cozy's own export has all of it: whoever reads such an archive could go on using sessions and sharings.
"""

from collections.abc import Mapping

FIELDS: Mapping[str, tuple[str, ...]] = {
    "io.cozy.oauth.clients": ("client_secret", "registration_access_token", "notification_device_token"),
    "io.cozy.permissions": ("codes", "shortcodes"),
    "io.cozy.sharings": ("credentials",),
}
"""Fields that are secrets, of doctypes that the catalog names."""

SECRETIVE = frozenset((*FIELDS, "io.cozy.sessions", "io.cozy.oauth.access_codes"))
"""Doctypes with secrets, or which are nothing else. Unless the catalog names them, none of their documents leaves."""
