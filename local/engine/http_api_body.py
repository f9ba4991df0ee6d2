"""Patch 2: routes, integrations and JWT authorizers of an HTTP API are taken from its OpenAPI ``Body``.

SAM writes everything that an ``AWS::Serverless::HttpApi`` and its events say into that property, which the stock
engine drops, so that every request is answered 404. On AWS, CloudFormation imports it.
"""

from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import apigateway
from ministack.services.cloudformation import provisioners

from local.engine.guard import ChangedEngineError, check_source

_TYPE = "AWS::ApiGatewayV2::Api"
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method"}

_OPEN = "NONE"
"""What SAM writes in place of an authorizer for a route that anybody may call."""


def apply() -> None:
    """Import the body when an API is created or updated."""
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    if handlers["create"] is not provisioners._apigw_v2_api_create:
        raise ChangedEngineError(f"ministack provisions {_TYPE} by another function than the patch of it expects.")
    check_source(provisioners._apigw_v2_api_create, "0002e18b41984434")
    check_source(provisioners._apigw_v2_api_update, "d12d60c12ed7d9aa")
    stock_create, stock_update = handlers["create"], handlers["update"]

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        made = stock_create(logical_id, props, stack_name)
        _import(made[0], props.get("Body"))
        return made

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
    ) -> Any:
        made = stock_update(physical_id, old, new, stack_name, logical_id)
        _import(made[0], new.get("Body"))
        return made

    handlers["create"], handlers["update"] = create, update


def _import(api_id: str, body: dict[str, Any] | None) -> None:
    """Replace what the API has by what its body says. An API without a body keeps its separate resources."""
    if not body:
        return
    title = (body.get("info") or {}).get("title")
    if title and api_id in apigateway._apis:
        apigateway._apis[api_id]["name"] = title
    authorizers = _authorizers(body)
    apigateway._authorizers[api_id] = {each["authorizerId"]: each for each in authorizers.values()}
    routes: dict[str, Any] = {}
    integrations: dict[str, Any] = {}
    for path, operations in (body.get("paths") or {}).items():
        for method, operation in operations.items():
            if method.lower() in _METHODS:
                integration = _integration(operation)
                route = _route(_route_key(path, method), integration["integrationId"])
                route |= _authorization(operation.get("security", body.get("security")), authorizers)
                integrations[integration["integrationId"]] = integration
                routes[route["routeId"]] = route
    apigateway._routes[api_id] = routes
    apigateway._integrations[api_id] = integrations


def _authorizers(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the JWT authorizers by the names of their security schemes."""
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    found = {}
    for name, scheme in schemes.items():
        authorizer = scheme.get("x-amazon-apigateway-authorizer") or {}
        if authorizer.get("type") != "jwt":
            raise ValueError(
                f"The API's authorizer {name} is of a kind that local/engine/http_api_body.py cannot read."
            )
        configuration = authorizer.get("jwtConfiguration") or {}
        found[name] = {
            "authorizerId": new_uuid()[:8],
            "authorizerType": "JWT",
            "name": name,
            "identitySource": [authorizer.get("identitySource", "$request.header.Authorization")],
            "jwtConfiguration": {
                "issuer": configuration.get("issuer", ""),
                "audience": list(configuration.get("audience") or []),
            },
        }
    return found


def _integration(operation: dict[str, Any]) -> dict[str, Any]:
    extension = operation.get("x-amazon-apigateway-integration") or {}
    return {
        "integrationId": new_uuid()[:8],
        **provisioners._apigw_v2_integration_props({
            "IntegrationType": str(extension.get("type", "AWS_PROXY")).upper(),
            "IntegrationUri": extension.get("uri", ""),
            "IntegrationMethod": extension.get("httpMethod", "POST"),
            "PayloadFormatVersion": extension.get("payloadFormatVersion", "2.0"),
        }),
    }  # fmt: skip


def _route_key(path: str, method: str) -> str:
    if path.strip("/") == "$default":
        return "$default"
    return f"{'ANY' if method.startswith('x-') else method.upper()} {path}"


def _route(key: str, integration_id: str) -> dict[str, Any]:
    properties = {"RouteKey": key, "Target": f"integrations/{integration_id}"}
    return {"routeId": new_uuid()[:8], **provisioners._apigw_v2_route_props(properties)}


def _authorization(security: list[dict[str, Any]] | None, authorizers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what an operation's ``security`` makes of its route: open, or a JWT with any of some scopes."""
    for requirement in security or []:
        for name, scopes in requirement.items():
            if name == _OPEN:
                return {}
            if name not in authorizers:
                raise ValueError(f"A route of the API names the authorizer {name}, which its body does not define.")
            identity = authorizers[name]["authorizerId"]
            return {"authorizationType": "JWT", "authorizerId": identity, "authorizationScopes": list(scopes or [])}
    return {}
