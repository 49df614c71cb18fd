"""Twilio's Messages API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tests.support.peers.http_peer import Reply, Replying, serving

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "a token for tests"


@dataclass(slots=True)
class TwilioPeer:
    """What arrived, and what is answered to a number."""

    messages: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[str], Reply] = lambda _: Reply()
    url: str = ""


def refusal(status: int, code: int, **headers: str) -> Reply:
    """Return an error as Twilio writes it."""
    body = {"code": code, "message": "refused", "more_info": "", "status": status}
    return Reply(status, body, {name.replace("_", "-"): v for name, v in headers.items()})


class _Messages(Replying):
    def initialize(self, peer: TwilioPeer) -> None:
        self._peer = peer

    async def post(self) -> None:
        message = {name: self.get_body_argument(name) for name in self.request.body_arguments}
        self._peer.messages.append(message)
        reply = self._peer.answer(message["To"])
        if reply.body is None and reply.status == 200:
            reply.status = 201
            reply.body = {"sid": f"SM{len(self._peer.messages):032}", "status": "queued"}
        await self.reply(reply)


@contextlib.asynccontextmanager
async def twilio_peer() -> AsyncIterator[TwilioPeer]:
    """Serve on loopback."""
    peer = TwilioPeer()
    async with serving(
        (rf"/2010-04-01/Accounts/{ACCOUNT}/Messages\.json", _Messages, {"peer": peer})
    ) as url:
        peer.url = url
        yield peer
