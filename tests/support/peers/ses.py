"""Amazon SES (API v2), which answers as tests choose; moto (aws.py) knows no failures."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.peers.http_peer import Reply, Replying, serving


@dataclass(slots=True)
class SesPeer:
    """What was asked of SES, and what it answers."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[], Reply] = Reply
    """Without a body: the id of the message, which counts up."""
    url: str = ""


class _Send(Replying):
    def initialize(self, peer: SesPeer) -> None:
        self._peer = peer

    async def post(self) -> None:
        self._peer.requests.append(json.loads(self.request.body))
        reply = self._peer.answer()
        if reply.body is None and reply.status == 200:
            reply.body = {"MessageId": f"m-{len(self._peer.requests)}"}
        await self.reply(reply)


@contextlib.asynccontextmanager
async def ses_peer() -> AsyncIterator[SesPeer]:
    """Serve on loopback."""
    peer = SesPeer()
    async with serving(("/v2/email/outbound-emails", _Send, {"peer": peer})) as url:
        peer.url = url
        yield peer
