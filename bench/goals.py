"""The rows of the table, and what each is to reach.

CPU is the server's for one operation, on the embedded store; what is counted by the clock is meant
for a store that is faster than ours, and for a machine that does nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROWS = {
    "connect": "connect and authenticate",
    "connect-alone": "connect and authenticate, one at a time",
    "fanout": "message of a listing to 1,000 sockets",
    "steady": "message at 4 listings a second to 100 followers each",
    "online": "message at 500 a second to 1,000 online",
    "connect-large": "connect and authenticate, 10,000 sockets",
    "fanout-large": "message of a listing to 10,000 sockets",
    "unread-count": "unread-count, connected user",
    "unread-count-absent": "unread-count, user not connected",
    "list": "list of 20, connected user",
    "mark-read": "mark-read with its socket event",
    "list-after-mark": "mark-read, then list of 20: each of both",
    "follow": "follow",
    "unfollow": "unfollow",
    "event": "event accepted and carried out: listing",
    "event-user": "event accepted and carried out: user",
    "event-accepted": "event accepted: listing",
    "direct-send": "direct send with its socket event",
    "direct-send-keyed": "direct send with an Idempotency-Key",
    "mixed": "request of what a platform asks, all at once",
    "list-alone": "list of 20, user not connected, one at a time",
    "mark-read-alone": "mark-read, one at a time",
    "pushes": "push, of a backlog",
    "emails": "email, of a backlog",
    "listings": "notification with mail and push, at 1,200 a minute",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a figure of a row is to be: at most so much, or at least."""

    label: str
    row: str
    figure: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def wanted(self) -> float:
        """The number itself."""
        number = self.at_least if self.at_most is None else self.at_most
        assert number is not None
        return number

    def is_met(self, measured: float) -> bool:
        """Tell whether what was measured is good enough."""
        if self.at_most is not None:
            return measured <= self.at_most
        return measured >= self.wanted

    def measured(self, middles: Mapping[str, Mapping[str, float]]) -> float | None:
        """Return what was measured, None where the row was not."""
        return middles.get(self.row, {}).get(self.figure)


def _cpu(row: str, us: float) -> Goal:
    return Goal(
        label=f"CPU of the server, us: {ROWS[row]}", row=row, figure="server_us", at_most=us
    )


def _rate(row: str, per_s: float) -> Goal:
    return Goal(label=f"a second: {ROWS[row]}", row=row, figure="per_s", at_least=per_s)


GOALS = (
    _cpu("fanout", 100),
    _cpu("list", 600),
    _cpu("mark-read", 900),
    _cpu("follow", 1_100),
    _cpu("event-accepted", 500),
    _cpu("direct-send", 800),
    _cpu("unread-count", 300),
    _rate("connect", 1_500),
    _rate("unread-count", 3_000),
    _rate("list", 1_500),
    _rate("mark-read", 1_000),
    _rate("follow", 800),
    _rate("event", 1_000),
    _rate("direct-send", 1_000),
    _rate("fanout", 8_000),
    Goal(
        label="last frame of a listing to 10,000 sockets, ms",
        row="fanout-large",
        figure="last_ms",
        at_most=1_500,
    ),
    Goal(
        label="post to frame, p99 ms, at 4 listings a second to 100 followers",
        row="steady",
        figure="p99_ms",
        at_most=50,
    ),
    Goal(label="list within, p99 ms", row="list-alone", figure="p99_ms", at_most=300),
    Goal(label="mark-read within, p99 ms", row="mark-read-alone", figure="p99_ms", at_most=200),
    Goal(
        label="socket connection within, p99 ms",
        row="connect-alone",
        figure="p99_ms",
        at_most=100,
    ),
    Goal(label="push within, p99 ms", row="listings", figure="push_p99_ms", at_most=5_000),
    Goal(label="email within, p99 ms", row="listings", figure="email_p99_ms", at_most=30_000),
    Goal(label="sockets at once", row="connect-large", figure="operations", at_least=10_000),
    Goal(label="notifications a minute", row="listings", figure="per_min", at_least=1_000),
    Goal(label="emails in flight", row="emails", figure="most_in_flight", at_least=100),
    _rate("pushes", 500),
)

FAULTS = "messages, frames and requests lost, repeated or failed, in all rounds"

WATCHED = (
    ("memory a connection, KiB", "connect", "rss_kib"),
    ("memory a connection of 10,000, KiB", "connect-large", "rss_kib"),
    (
        "accepted to frame, p99 ms, at 500 messages a second to 1,000 online",
        "online",
        "accepted_p99_ms",
    ),
    ("last frame of a listing to 1,000 sockets, ms", "fanout", "last_ms"),
)
"""Figures of their own that have no goal: label, row, figure."""
