"""A second address on which the deployed HTTP API answers at the root, as it does under its own host name on AWS.

The stock engine tells APIs apart by the Host header (``<api id>.execute-api.localhost``), a name that many resolvers do
not know. Requests to this port reach the one HTTP API that is deployed, without any header.
"""

import json
from typing import Any

from ministack.services import apigateway

_PREFIX = "/_aws/execute-api/"


class ApiAddress:
    """An ASGI application: the engine, plus the API at the root of ``port``."""

    def __init__(self, engine: Any, port: int) -> None:
        self._engine = engine
        self._port = port

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request or carry one event."""
        if scope["type"] == "http" and scope["server"][1] == self._port:
            apis = [key for _, _, key in (entry[0] for entry in apigateway._apis.all_items())]
            if len(apis) != 1:
                await _refuse(send, f"{len(apis)} HTTP APIs are deployed; this address serves exactly one.")
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
