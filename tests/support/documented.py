"""Hold every answer to the OpenAPI document: its status is there, and its body is as shown."""

from __future__ import annotations

import functools
import re
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs

from server.app import routes
from server.handlers.base import ApiHandler
from server.openapi.document import build_document
from server.openapi.paths import path_of

UNDOCUMENTED = {405, 413}
"""What no document can list: other methods, and too large a body where none is expected."""

ERROR = "#/components/schemas/ErrorEnvelope"


@functools.cache
def document() -> dict[str, Any]:
    """Return the document of the service."""
    return build_document(routes(has_demo=True))


def assert_documented(method: str, url: str, status: int, body: Any) -> None:
    """Assert that the document has this answer; of paths beyond the API it says nothing."""
    path = _path_of(urlsplit(url).path)
    if path is None or method == "OPTIONS":
        return
    responses = _responses(path, "GET" if method == "HEAD" else method)
    if str(status) in responses:
        schema = _schema_of(responses[str(status)])
    else:
        assert status in UNDOCUMENTED, f"{method} {path}: {status} is not documented"
        schema = ERROR
    if schema is not None and method != "HEAD":
        _validator(schema).validate(body)


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(route), path_of(route, handler)[0])
        for route, handler in routes(has_demo=True)
        if issubclass(handler, ApiHandler) and handler.is_part_of_api
    ]


@functools.lru_cache(maxsize=1024)
def _path_of(path: str) -> str | None:
    """Return the documented path that `path` is one of."""
    return next((known for pattern, known in _patterns() if pattern.fullmatch(path)), None)


def _responses(path: str, method: str) -> dict[str, Any]:
    """Return status -> answer of a documented method, nothing of another."""
    operations = document()["paths"][path]
    known = {name.upper(): operation["responses"] for name, operation in operations.items()}
    responses: dict[str, Any] = known.get(method, {})
    return responses


def _schema_of(response: dict[str, Any]) -> str | None:
    """Return the reference to the schema of an answer, None of one that is not JSON."""
    if "$ref" in response:
        return ERROR
    content = response.get("content", {}).get("application/json")
    reference: str | None = content and content["schema"]["$ref"]
    return reference


@functools.cache
def _validator(reference: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": reference, "components": document()["components"]}, validate_formats=True
    )
