"""The demo page of development: the page, its files, and whom one can be on it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from config.secrets import is_development_jwt_secret
from server.auth import UserType
from server.demo import DEMO_BUSINESSES, DEMO_SERVICE_ID, DEMO_USERS
from server.errors import PermissionDenied
from server.handlers.assets import AssetHandler, policy
from server.handlers.base import PUBLIC, ApiHandler
from server.tokens import mint

FILES = {
    "": "index.html",
    **{
        name: name
        for name in (
            "api.js",
            "cards.css",
            "channel.js",
            "client.js",
            "controls.css",
            "demo.css",
            "demo.js",
            "following.js",
            "icon.svg",
            "inbox.js",
            "list.js",
            "posting.js",
        )
    },
}


class PageHandler(AssetHandler):
    """`GET /` and `GET /demo/{file}`."""

    files = FILES
    # Notifications bring texts and pictures from elsewhere, and never scripts or styles.
    content_security_policy = policy(connect_src="'self' ws: wss:", img_src="'self' https: data:")


class SessionHandler(ApiHandler):
    """`GET /demo/session/`."""

    roles = {"GET": PUBLIC}
    is_part_of_api = False
    is_rate_limited = False

    def get(self) -> None:
        """Give the demo users and businesses, with tokens to be them.

        Under a secret that development did not make up, the tokens are good elsewhere too; then
        only this machine gets them.
        """
        settings = self.service.settings
        assert settings.jwt_secret is not None  # or there would be no demo
        if not (is_development_jwt_secret(settings.jwt_secret) or self._is_local()):
            raise PermissionDenied("Demo tokens are for this machine alone")
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

    def _is_local(self) -> bool:
        """Tell whether the request comes from this machine, and not by way of a proxy on it."""
        is_forwarded = any(name.lower().startswith("x-forwarded") for name in self.request.headers)
        return not is_forwarded and ip_address(str(self.request.remote_ip)).is_loopback


ROUTES = [
    (r"/()", PageHandler),
    (r"/demo/session/?", SessionHandler),
    (r"/demo/([a-z.]+)", PageHandler),
]
