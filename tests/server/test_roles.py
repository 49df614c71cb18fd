"""Denied unless allowed: every route with every method, by everybody and by nobody."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from server.app import routes
from server.auth import UserType
from server.handlers.base import UUID_PATTERN
from server.handlers.deliveries import DELIVERY
from server.handlers.images import FILE_NAME
from server.handlers.templates import NAME
from tests.support.api import Api, token

INBOX = frozenset({UserType.CUSTOMER, UserType.NGO, UserType.PROVIDER, UserType.ADMIN})
FOLLOWERS = frozenset({UserType.CUSTOMER, UserType.NGO})
PROVIDERS = frozenset({UserType.PROVIDER})
PLATFORM = frozenset({UserType.SERVICE, UserType.ADMIN})
ADMINS = frozenset({UserType.ADMIN})
PUBLIC = None
"""No token is needed, nor is one looked at."""

SIGNED: frozenset[UserType] = frozenset()
"""A token is of no use: what is asked has to be signed."""

MAY: dict[str, dict[str, frozenset[UserType] | None]] = {
    r"/api/internal/events/?": {"POST": PLATFORM},
    r"/api/notifications/?": {"GET": INBOX, "POST": PLATFORM},
    r"/api/notifications/unread-count/?": {"GET": INBOX},
    r"/api/notifications/mark-read/?": {"POST": INBOX},
    r"/api/notifications/mark-all-read/?": {"POST": INBOX},
    rf"/api/notifications/{UUID_PATTERN}/click/?": {"POST": INBOX},
    rf"/api/notifications/{UUID_PATTERN}/delete/?": {"DELETE": INBOX},
    r"/api/notifications/scheduled/?": {"GET": PLATFORM},
    rf"/api/notifications/scheduled/{UUID_PATTERN}/?": {"DELETE": PLATFORM},
    rf"/api/notifications/{UUID_PATTERN}/trace/?": {"GET": INBOX},
    r"/api/notifications/preferences/?": {"GET": INBOX, "PUT": INBOX},
    r"/api/follow/?": {"POST": FOLLOWERS},
    rf"/api/unfollow/{UUID_PATTERN}/?": {"DELETE": FOLLOWERS},
    r"/api/following/?": {"GET": FOLLOWERS},
    r"/api/devices/?": {"GET": INBOX, "POST": INBOX},
    rf"/api/devices/{UUID_PATTERN}/?": {"DELETE": INBOX},
    r"/api/followers/?": {"GET": PROVIDERS},
    r"/api/business-updates/?": {"POST": PROVIDERS},
    r"/unsubscribe/([^/]+)/?": {"GET": PUBLIC, "POST": PUBLIC},
    r"/api/webhooks/ses/?": {"POST": SIGNED},
    r"/api/webhooks/twilio/?": {"POST": SIGNED},
    r"/c/([^/]+)/?": {"GET": PUBLIC},
    r"/api/privacy/export/?": {"GET": INBOX},
    rf"/api/privacy/users/{UUID_PATTERN}/export/?": {"GET": ADMINS},
    r"/api/ops/overview/?": {"GET": ADMINS},
    r"/api/ops/simulate/?": {"POST": ADMINS},
    r"/api/ops/deliveries/?": {"GET": ADMINS},
    r"/api/ops/deliveries/retry/?": {"POST": ADMINS},
    rf"/api/ops/deliveries/{DELIVERY}/retry/?": {"POST": ADMINS},
    r"/api/ops/channels/(email|push|sms)/pause/?": {"POST": ADMINS},
    r"/api/ops/channels/(email|push|sms)/resume/?": {"POST": ADMINS},
    r"/api/analytics/deliveries/?": {"GET": ADMINS},
    r"/api/analytics/engagement/?": {"GET": ADMINS},
    r"/api/analytics/preferences/?": {"GET": ADMINS},
    r"/api/insights/?": {"GET": PROVIDERS},
    r"/api/campaigns/?": {"GET": ADMINS, "POST": ADMINS},
    r"/api/campaigns/preview/?": {"POST": ADMINS},
    rf"/api/campaigns/{UUID_PATTERN}/?": {"GET": ADMINS},
    rf"/api/campaigns/{UUID_PATTERN}/start/?": {"POST": ADMINS},
    rf"/api/campaigns/{UUID_PATTERN}/pause/?": {"POST": ADMINS},
    rf"/api/campaigns/{UUID_PATTERN}/resume/?": {"POST": ADMINS},
    rf"/api/campaigns/{UUID_PATTERN}/cancel/?": {"POST": ADMINS},
    r"/api/audit-log/?": {"GET": ADMINS},
    r"/api/templates/?": {"GET": ADMINS},
    rf"/api/templates/{NAME}/?": {"GET": ADMINS, "PUT": ADMINS},
    rf"/api/templates/{NAME}/preview/?": {"POST": ADMINS},
    rf"/api/templates/{NAME}/rollback/?": {"POST": ADMINS},
    r"/api/images/?": {"POST": PROVIDERS | ADMINS},
    rf"/images/uploads/{UUID_PATTERN}/?": {"POST": PUBLIC},
    rf"/images/{FILE_NAME}": {"GET": PUBLIC},
    r"/health/live/?": {"GET": PUBLIC},
    r"/health/ready/?": {"GET": PUBLIC},
    r"/metrics": {"GET": PUBLIC},
    r"/api/openapi\.json": {"GET": PUBLIC},
    r"/api/docs/?": {"GET": PUBLIC},
    r"/api/docs/([a-z.-]+)": {"GET": PUBLIC},
    r"/ws/notifications/?": {"GET": PUBLIC},
    rf"/ws/notifications/{UUID_PATTERN}/?": {"GET": PUBLIC},
    r"/()": {"GET": PUBLIC},
    r"/demo/session/?": {"GET": PUBLIC},
    r"/demo/([a-z.]+)": {"GET": PUBLIC},
}
"""Route -> method -> who may (contract section 1); sockets say themselves who they let in."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")
DEMO = [path for path in MAY if path.startswith(("/demo", "/()"))]


def may(route: str) -> dict[str, frozenset[UserType] | None]:
    """Return the row of a route, with what follows: `HEAD` as `GET`, and `OPTIONS` for all."""
    row = {"OPTIONS": PUBLIC, **MAY[route]}
    is_socket = route.startswith("/ws/")
    return row if is_socket or "GET" not in row else {**row, "HEAD": row["GET"]}


def address(route: str) -> str:
    """Return a path that `route` matches."""
    path = (
        route.replace(DELIVERY, f"{uuid4()}:email")
        .replace(UUID_PATTERN, str(uuid4()))
        .replace(NAME, "welcome")
        .removesuffix("?")
        .replace("\\", "")
    )
    return (
        path.replace("()", "")
        .replace("([a-z.]+)", "demo.js")
        .replace("([a-z.-]+)", "docs.js")
        .replace("([^/]+)", "token")
        .replace("(email|push|sms)", "sms")
        .replace("(png|jpg|webp)", "png")
    )


async def status(api: Api, method: str, path: str, bearer: str | None) -> int:
    """Ask without the helper's invariants: pages are no JSON, and HEAD has no body."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer is not None else {}
    request = HTTPRequest(
        api.base_url + path, method=method, headers=headers, allow_nonstandard_methods=True
    )
    client = AsyncHTTPClient(force_instance=True)
    try:
        return (await client.fetch(request, raise_error=False)).code
    finally:
        client.close()


def test_every_route_is_in_the_table() -> None:
    assert sorted(path for path, _ in routes(has_demo=True)) == sorted(MAY)


def test_production_has_no_demo() -> None:
    assert sorted(path for path, _ in routes(has_demo=False)) == sorted(MAY.keys() - set(DEMO))


@pytest.mark.parametrize("route", MAY)
async def test_nobody_may_do_without_a_token_what_needs_one(api: Api, route: str) -> None:
    for method in METHODS:
        answered = await status(api, method, address(route), None)
        if method not in may(route):
            assert answered == 405, method
        elif may(route)[method] is PUBLIC:
            assert answered not in {401, 403, 405}, method
        else:
            assert answered == (403 if may(route)[method] is SIGNED else 401), method


@pytest.mark.parametrize("user_type", list(UserType))
@pytest.mark.parametrize("route", MAY)
async def test_a_role_may_what_the_table_says_and_no_more(
    api: Api, route: str, user_type: UserType
) -> None:
    bearer = token(user_type=user_type.value)
    for method in METHODS:
        answered = await status(api, method, address(route), bearer)
        if method not in may(route):
            assert answered == 405, method
            continue
        allowed = may(route)[method]
        if allowed is PUBLIC or user_type in allowed:
            assert answered not in {401, 403, 405}, method
        else:
            assert answered == 403, method


async def test_a_public_path_does_not_look_at_tokens(api: Api) -> None:
    assert (await api.get("/health/live/", "garbage")).status == 200


@pytest.mark.parametrize("claimed", [*UserType, "superuser"])
async def test_nobody_becomes_an_admin_by_asking_for_it(api: Api, claimed: str) -> None:
    answer = await api.post(
        "/api/internal/events/",
        token(user_type="customer", role=claimed, is_admin=True),
        {"user_type": claimed},
        headers={"X-User-Type": claimed},
    )
    assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
