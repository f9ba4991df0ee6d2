"""Addresses of their own on which the deployed HTTP APIs answer at the root, as under their host names on AWS.

The stock engine tells APIs apart by the Host header (``<api id>.execute-api.localhost``), a name that many resolvers do
not know. Requests to one port reach the one HTTP API that is deployed, those to another the one link API, without any
header.
"""

import json
from typing import Any

from ministack.services import apigateway

_PREFIX = "/_aws/execute-api/"
_LINKS = "-links"
"""The end of the link API's name in the template."""


class ApiAddress:
    """An ASGI application: the engine, plus an API at the root of ``api_port`` and the link API of ``link_port``."""

    def __init__(self, engine: Any, *, api_port: int, link_port: int) -> None:
        self._engine = engine
        self._is_for_links = {api_port: False, link_port: True}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request or carry one event."""
        is_for_links = self._is_for_links.get(scope["server"][1]) if scope["type"] == "http" else None
        if is_for_links is not None:
            apis = [
                key
                for (_, _, key), api in apigateway._apis.all_items()
                if str(api.get("name", "")).endswith(_LINKS) is is_for_links
            ]
            if len(apis) != 1:
                await _refuse(send, f"{len(apis)} such HTTP APIs are deployed; this address serves exactly one.")
                return
            prefix = f"{_PREFIX}{apis[0]}"
            raw_path = scope.get("raw_path", scope["path"].encode())
            scope = {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + raw_path}
        await self._engine(scope, receive, send)


async def _refuse(send: Any, sentence: str) -> None:
    body = json.dumps({"message": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
