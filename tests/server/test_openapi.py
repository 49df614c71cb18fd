"""The OpenAPI document is whole, valid, and says what is so."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from server.app import routes
from server.handlers.base import ApiHandler
from tests.support.api import Api
from tests.support.documented import document

API = [
    (route, handler)
    for route, handler in routes(has_demo=True)
    if issubclass(handler, ApiHandler) and handler.is_part_of_api
]
OPERATIONS = [
    (path, method, operation)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]


async def test_the_document_is_served_to_everybody(api: Api) -> None:
    answer = await api.get("/api/openapi.json")
    assert (answer.status, answer.body) == (200, document())


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1")
    assert not list(OpenAPIV31SpecValidator(document()).iter_errors())


def test_every_route_is_documented_or_says_that_it_is_no_part_of_the_api() -> None:
    beyond = {
        route
        for route, handler in routes(has_demo=True)
        if not (issubclass(handler, ApiHandler) and handler.is_part_of_api)
    }
    assert all(
        route.startswith(("/ws/", "/()", "/demo/", "/images/", "/api/docs/(")) for route in beyond
    )
    assert len(document()["paths"]) == len(API) == len(routes(has_demo=True)) - len(beyond)


def test_paths_are_as_one_would_ask_them() -> None:
    for path in document()["paths"]:
        assert re.fullmatch(r"(/(\{[a-z_]+\}|[a-z.-]+))+/?", path), path
    assert "/api/openapi.json" in document()["paths"]
    assert "/api/notifications/{notification_id}/delete/" in document()["paths"]


@pytest.mark.parametrize(("route", "handler"), API)
def test_every_method_is_documented(route: str, handler: type[ApiHandler]) -> None:
    assert handler.roles.keys() - {"HEAD"} == handler.operations.keys()


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_says_what_it_does(
    path: str, method: str, operation: dict[str, object]
) -> None:
    assert operation["summary"]
    assert operation["operationId"]


def test_no_two_operations_have_one_name() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_what_needs_a_token_says_so_and_what_it_answers_without_one() -> None:
    for path, method, operation in OPERATIONS:
        refusals = {"401", "403"} & operation["responses"].keys()
        if operation["security"]:
            assert refusals == {"401", "403"}, (path, method)
        else:
            assert "401" not in refusals, (path, method)
