"""The OpenAPI 3.1 document of the HTTP API (contract section 2.7)."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from apispec import APISpec

from server.handlers.base import PUBLIC, ApiHandler
from server.openapi.conversion import Marshmallow, schema_name
from server.openapi.paths import PathParameter, path_of
from server.openapi.refusals import STANDING, WORDS, headers, refusal, refusal_name, refusals_of
from server.operation import JSON, Operation, Shape

VERSION = "1.0.0"
"""Of the API: what breaks a client raises its first number."""

DESCRIPTION = """\
Tells people of Save n Bite what happened: in the app, by email, push and SMS.

JSON in, JSON out, in UTF-8. Times are RFC 3339 in UTC with `Z`. Every path also answers without its
last slash. Every answer carries `X-Request-ID`: the caller's own, if it sent one of 1 to 128
letters, digits and `._:/+=@-`. Unknown fields of a body are a 400; unknown query parameters are
ignored. Every failure, on every path, is `{"error": {"code", "message", "details"}}`.

Live notifications come over the WebSocket at `/ws/notifications/`.
"""

_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "Names the request in the logs of the service.",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "RateLimit-Limit": {
        "description": "Requests in the window of the tightest limit of the caller.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Remaining": {
        "description": "How many of them are left now.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Reset": {
        "description": "Seconds until more are left than now.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {"required": True, "schema": {"type": "string"}},
}

_ABOUT = re.compile(r" \(contract[^)]*\)")
"""What the docstrings of modules say to whoever changes them."""

Route = tuple[str, type[Any]]


def build_document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document of those of `routes` that are part of the API."""
    described = list(documented(routes))
    spec = APISpec(
        title="Save n Bite notifications",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[Marshmallow(schema_name_resolver=schema_name)],
        info={"description": DESCRIPTION},
        servers=[{"url": "/"}],
        tags=_tags(handler for _, _, handler in described),
    )
    spec.components.security_scheme(
        "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    for name, header in _HEADERS.items():
        spec.components.header(name, header)
    for status in WORDS:
        spec.components.response(refusal_name(status), refusal(status))
    for path, parameters, handler in described:
        spec.path(
            path=path,
            operations={
                method.lower(): _operation(path, method, handler, parameters)
                for method in handler.operations
            },
        )
    return spec.to_dict()


def documented(
    routes: Iterable[Route],
) -> Iterator[tuple[str, list[PathParameter], type[ApiHandler]]]:
    """Return path, parameters and handler of the routes that are part of the API."""
    for route, handler in routes:
        if issubclass(handler, ApiHandler) and handler.is_part_of_api:
            yield *path_of(route, handler), handler


def _operation(
    path: str, method: str, handler: type[ApiHandler], parameters: list[PathParameter]
) -> dict[str, Any]:
    """Return the Operation Object (OpenAPI 3.1.1 §4.8.10)."""
    operation = handler.operations[method]
    summary, _, more = (inspect.getdoc(getattr(handler, method.lower())) or "").partition("\n")
    roles = ", ".join(sorted(handler.roles[method]))
    described: dict[str, Any] = {
        "operationId": _operation_id(method, path),
        "summary": summary.rstrip("."),
        "description": "\n\n".join(filter(None, [more.strip(), roles and f"For: {roles}."])),
        "tags": [_tag_name(handler)],
        "security": [] if handler.roles[method] is PUBLIC else [{"bearer": []}],
        "parameters": [
            *(parameter.documented() for parameter in parameters),
            *({"in": "query", "schema": schema} for schema in [operation.query] if schema),
            *({"in": "header", "schema": schema} for schema in [operation.headers] if schema),
        ],
        "responses": {
            **{str(status): _answer(handler, shape) for status, shape in operation.answers.items()},
            **{
                str(status): refusal_name(status)
                for status in refusals_of(handler, method, has_parameters=bool(parameters))
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = _body(operation)
    return described


def _answer(handler: type[ApiHandler], shape: Shape | None) -> dict[str, Any]:
    """Return the Response Object of what was asked for."""
    media: dict[str, Any] = {JSON: {"schema": shape}}
    if isinstance(shape, str):
        media = {shape: {"schema": {"type": "string"}}}
    named = headers("X-Request-ID", *(STANDING if handler.is_rate_limited else ()))
    answer = {"description": "Done.", "headers": named}
    return answer if shape is None else answer | {"content": media}


def _body(operation: Operation) -> dict[str, Any]:
    schema = operation.body
    shape: Any = {"oneOf": list(schema)} if isinstance(schema, tuple) else schema
    return {
        "required": not operation.is_body_optional,
        "content": {operation.body_type: {"schema": shape}},
    }


def _operation_id(method: str, path: str) -> str:
    """Return `postNotificationsMarkRead`."""
    words = re.findall("[a-z]+", path.removeprefix("/api"))
    return method.lower() + "".join(map(str.capitalize, words))


def _tag_name(handler: type[ApiHandler]) -> str:
    """Return the resource: the name of the handler's module."""
    return handler.__module__.rpartition(".")[2].replace("_", "-")


def _tags(handlers: Iterable[type[ApiHandler]]) -> list[dict[str, str]]:
    modules = {_tag_name(handler): sys.modules[handler.__module__] for handler in handlers}
    return [
        {"name": name, "description": _ABOUT.sub("", (module.__doc__ or "").partition("\n")[0])}
        for name, module in modules.items()
    ]
