"""Who may come in: HTTP Basic, or a pair of API keys (reference source-systems, B1)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote


@dataclass
class Account:
    """What the user signs in with. ``revoked`` is refused, for a sign-in that ends in the middle."""

    login: str = "bob"
    password: str = "s3cret: ünd"
    api_key: str = "PUB"
    secret_key: str = "SEC"
    revoked: bool = False

    def admits(self, target: str, headers: Mapping[str, str]) -> bool:
        """Whether a request is signed. ``target`` is path and query as they were sent, relative to the base."""
        if self.revoked:
            return False
        if "signature=" in target or "apiKey=" in target:
            return "authorization" not in headers and self._is_signed(target)
        expected = "Basic " + base64.b64encode(f"{self.login}:{self.password}".encode()).decode()
        return hmac.compare_digest(headers.get("authorization", ""), expected)

    def _is_signed(self, target: str) -> bool:
        """The key is the last parameter but the signature, which is over all before it as it was sent."""
        signed, found, given = target.rpartition("&signature=")
        if not found or "&" in given or not signed.endswith((f"&apiKey={self.api_key}", f"?apiKey={self.api_key}")):
            return False
        if given != given.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"):
            return False  # not URL-encoded
        digest = hmac.new(self.secret_key.encode(), signed.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(unquote(given), base64.b64encode(digest).decode())
