"""The demo page of development: the page, its files, and whom one can be on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.auth import UserType
from server.demo import DEMO_BUSINESSES, DEMO_SERVICE_ID, DEMO_USERS
from server.errors import NotFound
from server.handlers.base import PUBLIC, ApiHandler
from server.tokens import mint

STATIC = Path(__file__).parent.parent / "static"

FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "demo.css": ("demo.css", "text/css; charset=utf-8"),
    "demo.js": ("demo.js", "text/javascript; charset=utf-8"),
}
"""Path -> file and content type: nothing else is served."""


class PageHandler(ApiHandler):
    """`GET /` and `GET /demo/{file}`."""

    roles = {"GET": PUBLIC}

    def get(self, name: str = "") -> None:
        """Serve one of the page's files."""
        if name not in FILES:
            raise NotFound
        file, content_type = FILES[name]
        self.set_header("Content-Type", content_type)
        self.finish((STATIC / file).read_bytes())


class SessionHandler(ApiHandler):
    """`GET /demo/session/`."""

    roles = {"GET": PUBLIC}

    def get(self) -> None:
        """Give the demo users and businesses, with tokens to be them."""
        settings = self.service.settings
        users: list[dict[str, Any]] = [
            {
                "id": user.id,
                "name": user.name,
                "user_type": user.user_type,
                "business_id": user.business_id,
                "token": mint(
                    settings,
                    user.id,
                    user.user_type,
                    name=user.name,
                    business_id=user.business_id,
                ),
            }
            for user in DEMO_USERS
        ]
        self.answer(
            {
                "users": users,
                "businesses": [
                    {"id": business.id, "name": business.name} for business in DEMO_BUSINESSES
                ],
                "platform_token": mint(settings, DEMO_SERVICE_ID, UserType.SERVICE),
            }
        )


ROUTES = [
    (r"/()", PageHandler),
    (r"/demo/session/?", SessionHandler),
    (r"/demo/([a-z.]+)", PageHandler),
]
