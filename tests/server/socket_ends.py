"""How connections end, seen from the server's side."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from server.service import Service
from server.socket_limits import SocketLimits
from server.transport import Transport
from tests.support.world import Person, eventually

HASTY = SocketLimits(
    ping_every_s=0.4,
    silent_for_s=0.8,
    stalled_for_s=0.4,
    cut_after_s=0.1,
    look_every_s=0.05,
    messages_per_minute=None,
)


def ends(logged: list[Any], person: Person) -> list[tuple[Any, ...]]:
    """Return how the connections of `person` ended, as logged: event, code, why."""
    return [
        (line["event"], line.get("code"), line["why"])
        for line in logged
        if line["event"] in {"socket_closed", "socket_cut"} and line["user_id"] == str(person.id)
    ]


def connections_of(service: Service, person: Person) -> list[KeptBytes]:
    """Return the server's ends of the connections of `person`."""
    return [
        KeptBytes(member)
        for member in service.hub._slot_of
        if isinstance(member, Transport) and member._about()["user_id"] == str(person.id)
    ]


class KeptBytes:
    """The buffers of the server's end of a connection, which it outlives."""

    def __init__(self, member: Transport) -> None:
        assert member._protocol is not None
        self._stream = member._protocol.stream

    def kept_bytes(self) -> int:
        """Count what is received and not taken, and what is written and not sent."""
        # The stream drops its buffers when it is closed.
        buffers: list[Sized | None] = [self._stream._write_buffer, self._stream._read_buffer]
        return sum(len(buffer) for buffer in buffers if buffer is not None)


async def has_let_go(server_side: KeptBytes) -> None:
    """Wait until nothing is kept for a connection."""

    async def is_empty() -> bool:
        return server_side.kept_bytes() == 0

    await eventually(is_empty)


async def is_over(service: Service, person: Person) -> bool:
    """Tell whether no connection of `person` is left."""
    return not connections_of(service, person)
