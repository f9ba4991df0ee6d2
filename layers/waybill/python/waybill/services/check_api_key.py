"""Find out whose API key a caller brings."""

from waybill.domain.api_key import ApiKey, is_app_id, nobodys_key
from waybill.domain.errors import Unauthorized
from waybill.ports import ApiKeys, Clock


def check_api_key(app_id: str, secret: str, *, keys: ApiKeys, clock: Clock) -> ApiKey:
    """Return the key that the app id and the secret open.

    Raises Unauthorized, in the same words whether the app id is unknown, the secret wrong, or the key revoked; and what
    is computed is the same in all three cases.
    """
    found = keys.find(app_id) if is_app_id(app_id) else None
    key = found or nobodys_key(app_id, clock())
    if not key.opens_with(secret):
        raise Unauthorized("This app id with this secret is not taken. Compare both, or ask the operator for a key.")
    return key
