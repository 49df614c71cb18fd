"""The rows of the REST API: what each one asks of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from itertools import count
from typing import TypeVar
from uuid import UUID, uuid4

from bench.http_load import request
from bench.population import EVENTS, Person, event, follow_request, listing
from bench.rest_mix import SHARES, WHOLE, mixed
from bench.rest_world import ALONE_SHARE, LIST_SIZE, World

T = TypeVar("T")

NAMES = (
    "unread-count",
    "unread-count-absent",
    "list",
    "list-after-mark",
    "mark-read",
    "follow",
    "unfollow",
    "event",
    "event-user",
    "event-accepted",
    "direct-send",
    "direct-send-keyed",
    "mixed",
    "list-alone",
    "mark-read-alone",
)
"""Of the rows; who unfollows is who has followed in the same run."""

SENT_LISTING = str(uuid4())
"""By which the frames of direct sends are known."""

MOST_HELD = 320
"""Requests of a round that is held, which has to be over within the time of a call of the store."""


class Frames(Enum):
    """What each request of a row brings to a socket."""

    NONE = auto()
    READ = auto()
    NEW = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of request. `requests(round)` returns those of a round, no two the same change."""

    name: str
    label: str
    requests: Callable[[int], list[bytes]]
    is_one_at_a_time: bool = False
    expected_status: int | None = 200
    brings: Frames = Frames.NONE
    bringing: int | Fraction = 1
    """Of so many requests one brings a frame."""

    up_to: str | None = None
    """The command with which begins what is not to be in the figures (`bench.wire_tally.Hold`)."""


def rows(world: World) -> list[Row]:
    """Return all rows, in the order in which they disturb each other least."""
    return [
        Row(
            name="unread-count",
            label="unread-count, connected user",
            requests=lambda _: _by_turns(world, world.connected, "unread-count/"),
        ),
        Row(
            name="unread-count-absent",
            label="unread-count, user not connected",
            requests=lambda _: _by_turns(world, world.absent, "unread-count/"),
        ),
        Row(
            name="list",
            label=f"list of {LIST_SIZE}, connected user",
            requests=lambda _: _by_turns(world, world.connected, f"?page_size={LIST_SIZE}"),
        ),
        Row(
            name="mark-read",
            label="mark-read with its socket event",
            requests=lambda _: _marks(world, world.operations),
            brings=Frames.READ,
        ),
        Row(
            name="list-after-mark",
            label=f"mark-read, then list of {LIST_SIZE}: each of both",
            requests=lambda _: _marks_and_lists(world, world.operations // 2),
            brings=Frames.READ,
            bringing=2,
        ),
        Row(
            name="follow",
            label="follow",
            requests=lambda number: _follows(world, number),
            expected_status=201,
        ),
        Row(
            name="unfollow",
            label="unfollow",
            requests=lambda number: _unfollows(world, number),
        ),
        Row(
            name="event",
            label="event accepted and carried out: listing without followers",
            requests=lambda _: [
                _told(world, listing(world.unfollowed)) for _ in range(world.operations)
            ],
            expected_status=202,
        ),
        Row(
            name="event-user",
            label="event accepted and carried out: user updated",
            requests=lambda _: [
                _told(
                    world,
                    event(
                        "user.updated",
                        {"id": str(_turn(world.absent, at).id), "name": f"Thandi Nkosi {at}"},
                    ),
                )
                for at in range(world.operations)
            ],
            expected_status=202,
        ),
        Row(
            name="event-accepted",
            label="event accepted: listing",
            requests=lambda _: [
                _told(world, listing(world.unfollowed))
                for _ in range(min(world.operations, MOST_HELD))
            ],
            expected_status=202,
            up_to="update listings",
        ),
        Row(
            name="direct-send",
            label="direct send to a connected user, with its frame",
            requests=lambda _: [
                direct_send(world.platform_token, _turn(world.connected, at).id)
                for at in range(world.operations)
            ],
            expected_status=201,
            brings=Frames.NEW,
        ),
        Row(
            name="direct-send-keyed",
            label="direct send to a connected user, with an Idempotency-Key",
            requests=lambda _: [
                direct_send(
                    world.platform_token,
                    _turn(world.connected, at).id,
                    f"Idempotency-Key: {uuid4()}",
                )
                for at in range(world.operations)
            ],
            expected_status=201,
            brings=Frames.NEW,
        ),
        Row(
            name="mixed",
            label="what a platform asks, all at once",
            requests=lambda number: mixed(
                _kinds(world, number), max(1, world.operations // WHOLE) * WHOLE
            ),
            expected_status=None,
            brings=Frames.READ,
            bringing=Fraction(WHOLE, SHARES["mark-read"]),
        ),
        Row(
            name="list-alone",
            label=f"list of {LIST_SIZE}, user not connected, one request at a time",
            requests=lambda _: _by_turns(world, world.absent, f"?page_size={LIST_SIZE}")[
                ::ALONE_SHARE
            ],
            is_one_at_a_time=True,
        ),
        Row(
            name="mark-read-alone",
            label="mark-read, one request at a time",
            requests=lambda _: _marks(world, world.operations // ALONE_SHARE),
            is_one_at_a_time=True,
            brings=Frames.READ,
        ),
    ]


def _kinds(world: World, number: int) -> Mapping[str, Iterator[bytes]]:
    """Return the requests of each kind of the mix, which do not end; `number` is the round's."""
    connected = world.connected
    first_follow = number * max(1, world.operations // WHOLE)
    return {
        "mark-read": (_mark(world, _turn(connected, at)) for at in count()),
        "list": (_got(_turn(connected, at), f"?page_size={LIST_SIZE}") for at in count()),
        "unread-count": (_got(_turn(connected, at), "unread-count/") for at in count()),
        "direct-send": (
            direct_send(world.platform_token, _turn(connected, at).id) for at in count()
        ),
        "event": (_told(world, listing(world.followed)) for _ in count()),
        "follow": (follow_request(*_pair(world, world.absent, at)) for at in count(first_follow)),
    }


def _by_turns(world: World, people: Sequence[Person], path: str) -> list[bytes]:
    return [_got(_turn(people, at), path) for at in range(world.operations)]


def _got(person: Person, path: str) -> bytes:
    return request("GET", f"/api/notifications/{path}", person.token)


def _marks(world: World, count: int) -> list[bytes]:
    return [_mark(world, _turn(world.connected, at)) for at in range(count)]


def _mark(world: World, person: Person) -> bytes:
    body = {"notification_ids": [world.unread[person.id].pop()]}
    return request("POST", "/api/notifications/mark-read/", person.token, body)


def _marks_and_lists(world: World, count: int) -> list[bytes]:
    """Return `count` of each: so many marks as there are people, and then a list for each."""
    marks = _marks(world, count)
    lists = _by_turns(world, world.connected, f"?page_size={LIST_SIZE}")
    people = len(world.connected)
    return [
        each
        for begin in range(0, count, people)
        for requests in (marks, lists)
        for each in requests[begin : min(begin + people, count)]
    ]


def direct_send(token: str, recipient_id: UUID, *headers: str) -> bytes:
    """Return the request by which `recipient_id` is told something in the app."""
    body = {
        "recipient_id": str(recipient_id),
        "notification_type": "interaction_completed",
        "title": "Thank you for your pickup",
        "message": "Order 4711 is completed. We hope that you enjoy it.",
        "data": {"listing_id": SENT_LISTING},
    }
    return request("POST", "/api/notifications/", token, body, *headers)


def _follows(world: World, number: int) -> list[bytes]:
    return [follow_request(person, business_id) for person, business_id in _pairs(world, number)]


def _unfollows(world: World, number: int) -> list[bytes]:
    """Return the ends of the follows of this round."""
    return [
        request("DELETE", f"/api/unfollow/{business_id}/", person.token)
        for person, business_id in _pairs(world, number)
    ]


def _pairs(world: World, number: int) -> list[tuple[Person, UUID]]:
    """Return who follows what, such that neighbours are different users and businesses."""
    return [
        _pair(world, world.followers, at)
        for at in range(number * world.operations, (number + 1) * world.operations)
    ]


def _pair(world: World, followers: Sequence[Person], at: int) -> tuple[Person, UUID]:
    # By the round of all followers and their place in it, so that none comes twice.
    return _turn(followers, at), _turn(world.businesses, at // len(followers) + at % len(followers))


def _told(world: World, told: dict[str, object]) -> bytes:
    return request("POST", EVENTS, world.platform_token, told)


def _turn(items: Sequence[T], at: int) -> T:
    return items[at % len(items)]
