"""The links of emails that lead on by way of us, so that it is known that they were followed."""

from __future__ import annotations

import asyncio
from string import printable
from urllib.parse import quote

import structlog
from pykka import ActorDeadError

from actors.loop_ref import DeadlineExceeded
from actors.mailbox import MailboxFull
from server.errors import NotFound
from server.handlers.base import PUBLIC
from server.handlers.showing import ShowingHandler
from server.link_visits import is_by_somebody
from server.operation import Operation
from storage.click_links import ClickLink, UnknownClickLink
from storage.client import StoreUnavailable

KEEP_WITHIN_S = 2.0
"""How long somebody waits for us on their way elsewhere."""

LOST_BY = (TimeoutError, StoreUnavailable, DeadlineExceeded, MailboxFull, ActorDeadError)

log = structlog.get_logger(__name__)


class ClickLinkHandler(ShowingHandler):
    """`GET /c/{token}/`."""

    roles = {"GET": PUBLIC}
    is_rate_limited = False
    operations = {"GET": Operation(answers={302: "text/html"})}
    unknown_page = "unknown_target"

    async def get(self, token: str) -> None:
        """Lead on to where the link leads, and keep that its notification was clicked.

        What says that it looks ahead of somebody, and `HEAD`, is led on without being counted.
        """
        link = self._link(token)
        if is_by_somebody(self.request.method or "", self.request.headers):
            await self._keep(link)
        self.set_header("Location", _ascii(link.target))
        self.set_status(302)
        self.set_header("X-Robots-Tag", "noindex, nofollow")
        self.clear_header("Content-Type")
        self.finish()

    async def _keep(self, link: ClickLink) -> None:
        try:
            async with asyncio.timeout(KEEP_WITHIN_S):
                await self.service.inbox.follow(link.recipient_id, link.notification_id)
        except LOST_BY as error:
            # Whoever follows a link wants to get there; a click less is no harm.
            log.warning(
                "click_lost",
                notification_id=str(link.notification_id),
                reason=type(error).__name__,
            )

    @property
    def logged_path(self) -> str:
        """Leave the token out: who has it can click for its recipient."""
        return "/c/"

    def _link(self, token: str) -> ClickLink:
        try:
            return self.service.click_links.read(token)
        except UnknownClickLink:
            raise NotFound("No such link") from None


def _ascii(address: str) -> str:
    """Return `address` with all else than ASCII as RFC 3987 §3.1 writes it: UTF-8, percent-encoded.

    A host, too (RFC 3986 §3.2.2), which browsers turn into its ASCII form.
    """
    return quote(address, safe=printable)


ROUTES = [(r"/c/([^/]+)/?", ClickLinkHandler)]
