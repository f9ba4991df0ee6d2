"""Why a database cannot be read, in words that name no host, no role and no value.

PostgreSQL's own messages quote all of these, so they are never passed on. An error of a statement is told by its
SQLSTATE (PostgreSQL manual, appendix A); a connection that fails has none, and libpq's English text is looked at.
"""

_CONNECTING = (
    ("password authentication failed", "it refused user or password. Correct them in the secret"),
    ("no password supplied", "it wants a password, and the secret has none"),
    ("no pg_hba.conf entry", "its pg_hba.conf lets nobody in from here with this user, database and encryption"),
    ("certificate verify failed", "its TLS certificate is not one that the sslrootcert in the secret vouches for"),
    ("server certificate for", "its TLS certificate is for another host than the secret names"),
    ("root certificate file", "the file that sslrootcert in the secret names is not there"),
    ("does not support SSL", "it offers no TLS. Turn TLS on there, or say sslmode=disable in the secret to do without"),
    ("SSL", "the TLS handshake failed"),
    ("Connection refused", "nothing listens at the address in the secret, or a firewall refuses the connection"),
    ("could not translate host name", "the host that the secret names is not known here"),
    ("timeout expired", "it did not answer in time. See whether the functions may reach it: network, security groups"),
    ("No route to host", "no way leads there from the functions. See their network and security groups"),
    ("Network is unreachable", "no way leads there from the functions. See their network and security groups"),
    ("does not exist", "it has no such database or user as the secret names"),
    ("too many clients", "it has no connection left. Raise max_connections, or export when less is going on"),
    ("remaining connection slots", "it has no connection left. Raise max_connections, or export when less is going on"),
    ("starting up", "it is starting up"),
    ("shutting down", "it is shutting down"),
    ("server version mismatch", "it is newer than the pg_dump of this deployment. Update layers/postgres_client"),
    ("permission denied", "its user may not read everything. Grant it SELECT on all tables and sequences"),
    ("row-level security", "row-level security would hide rows from its user. Grant it BYPASSRLS"),
    ("server closed the connection", "the connection broke off"),
)

_STATES = {
    "42P01": "a table that it reads is not there, or not any more",
    "42703": "a column that it reads is not there, or not any more",
    "42501": "its user may not read it, or row-level security would hide rows. Grant it SELECT, or BYPASSRLS",
    "42601": "the query in the catalog is not valid SQL",
    "3F000": "a schema that it reads is not there",
    "57P01": "the server ended the connection",
    "57P02": "the server ended the connection",
    "57014": "the server cancelled the query, perhaps because of a statement_timeout of its user",
    "40001": "the server cancelled the query, because a standby could not keep what it reads any longer",
    "25P03": "the connection was idle for too long",
    "25006": "the query in the catalog writes, and only reading is allowed",
    "55P03": "a lock on it could not be had within a minute",
    "53100": "the server's disk is full",
    "53200": "the server's memory is full",
    "53400": "the query needs more temporary space than the server allows",
    "54000": "a row is larger than PostgreSQL can make JSON of",
    "22021": "it holds bytes that are no text in the database's encoding",
    "22P05": "it holds a character that UTF-8 does not have",
}
BROKEN = "the connection broke off"


def connection_reason(message: str) -> str:
    """Return why a connection could not be made, as the end of a sentence without its full stop."""
    for text, reason in _CONNECTING:
        if text in message:
            return reason
    return "the connection failed"


def statement_reason(state: str | None) -> str:
    """Return why a statement failed, likewise. ``state`` is its SQLSTATE; without one the connection broke off."""
    if state is None:
        return BROKEN
    return _STATES.get(state, f"it answered with the error {state}")
