"""How much, how often and how long: the numbers of a socket (contract section 4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """What a process allows each of its sockets, and when it looks after them."""

    connections_per_user: int = 10
    """Of one user in one process; the oldest goes."""

    messages_per_minute: int | None = 60
    """From one connection, of every type; None: no limit."""

    authenticate_within_s: float = 10.0

    ping_every_s: float = 30.0

    silent_for_s: float = 60.0
    """A peer that sends neither a pong nor a message for so long is gone."""

    stalled_for_s: float = 10.0
    """A reader who takes nothing for so long, although there is something, is too slow."""

    cut_after_s: float = 2.0
    """What is left of a stalled reader's connection after it was closed, so that all is over
    within 15 s."""

    look_every_s: float = 1.0
    """How often the hub looks after those that give reason to."""
