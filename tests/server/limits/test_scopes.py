"""What counts to which limit, of all there is to ask for."""

from __future__ import annotations

from tornado.web import RequestHandler

from server.app import routes
from server.handlers.base import PUBLIC, UUID_PATTERN, ApiHandler


def test_everything_under_notifications_counts_to_their_limit() -> None:
    for path, handler in routes(has_demo=True):
        if path.startswith("/api/notifications"):
            assert issubclass(handler, ApiHandler)
            assert set(handler.rate_scopes) == set(handler.roles), path


def test_only_what_needs_no_token_is_not_limited() -> None:
    unlimited = {path: handler for path, handler in routes(has_demo=True) if not limits(handler)}
    assert set(unlimited) == {
        r"/api/docs/?",
        r"/api/docs/([a-z.-]+)",
        r"/metrics",
        r"/health/live/?",
        r"/health/ready/?",
        r"/()",
        r"/demo/session/?",
        r"/demo/([a-z.]+)",
        r"/unsubscribe/([^/]+)/?",
        r"/api/webhooks/ses/?",
        r"/api/webhooks/twilio/?",
        # Followed out of mails, and read by the programs that show them.
        r"/c/([^/]+)/?",
        rf"/images/{UUID_PATTERN}\.(png|jpg|webp)",
        # The form is signed, and how many anybody may have was counted.
        rf"/images/uploads/{UUID_PATTERN}/?",
    }
    for handler in unlimited.values():
        assert issubclass(handler, ApiHandler)
        assert set(handler.roles.values()) == {PUBLIC}


def limits(handler: type[RequestHandler]) -> bool:
    return not issubclass(handler, ApiHandler) or handler.is_rate_limited
