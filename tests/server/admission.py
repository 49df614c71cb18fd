"""What a socket is told when it is let in, and when it is not."""

from __future__ import annotations

from typing import Any

from actors.connection import CloseCode
from tests.support.sockets import Socket
from tests.support.world import Person


def success(person: Person, **more: Any) -> dict[str, Any]:
    """Return the frame that `person`, who has nothing unread, is let in with."""
    return {
        "type": "authentication_success",
        "user_id": str(person.id),
        "unread_count": 0,
        **more,
    }


async def refused(socket: Socket, code: CloseCode, *, ref: str | None = None) -> str:
    """Return why the socket was refused, having seen that this is all that was sent."""
    frame = await socket.expect("authentication_failed")
    assert set(frame) == {"type", "error"} | ({"ref"} if ref else set())
    assert frame.get("ref") == ref
    assert set(frame["error"]) == {"code", "message", "details"}
    assert await socket.closed() == code
    error_code: str = frame["error"]["code"]
    return error_code
