"""The rows of bench/rest.py: what each one asks of the service, and over which data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeVar
from uuid import UUID

from bench.http_load import request
from bench.population import EVENTS, Person, Population, event, follow_request, listing

T = TypeVar("T")

CONNECTIONS = 16
LIST_SIZE = 20
BUSINESSES_TO_FOLLOW = 50
"""Of the 100 that a user may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of request. `requests(round)` returns those of a round, no two the same change."""

    name: str
    label: str
    requests: Callable[[int], list[bytes]]
    expected_status: int = 200
    reads_expected: bool = False
    """Each request has to bring a `notification.read` to a socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the rows are asked over."""

    connected: Sequence[Person]
    """Each with a socket and `LIST_SIZE` unread notifications more than will be marked."""

    absent: Sequence[Person]
    """The same without a socket."""

    followers: Sequence[Person]
    """Follow nothing yet."""

    businesses: Sequence[UUID]
    unfollowed: UUID
    """A business that nobody follows."""

    unread: dict[UUID, list[str]]
    """The unread notifications of each who is connected."""

    platform_token: str
    operations: int


def populate(population: Population, *, operations: int, rounds: int) -> World:
    """Make what the rows need."""
    connected = population.people(CONNECTIONS)
    absent = population.people(CONNECTIONS)
    followers = population.people(
        max(CONNECTIONS, ceil(operations * rounds / BUSINESSES_TO_FOLLOW))
    )
    business_id, unfollowed, *businesses = population.businesses(2 + BUSINESSES_TO_FOLLOW)
    population.follow([*connected, *absent], business_id)
    unread = ceil(operations / CONNECTIONS) * rounds + LIST_SIZE
    population.tell(listing(business_id) for _ in range(unread))
    return World(
        connected=connected,
        absent=absent,
        followers=followers,
        businesses=businesses,
        unfollowed=unfollowed,
        unread={person.id: population.unread_ids(person, unread) for person in connected},
        platform_token=population.platform_token,
        operations=operations,
    )


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
            requests=lambda number: _marks(world, number),
            reads_expected=True,
        ),
        Row(
            name="follow",
            label="follow",
            requests=lambda number: _follows(world, number),
            expected_status=201,
        ),
        Row(
            name="event",
            label="event accepted: listing without followers",
            requests=lambda _: [
                _told(world, listing(world.unfollowed)) for _ in range(world.operations)
            ],
            expected_status=202,
        ),
        Row(
            name="event-user",
            label="event accepted: user updated",
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
    ]


def _by_turns(world: World, people: Sequence[Person], path: str) -> list[bytes]:
    return [
        request("GET", f"/api/notifications/{path}", _turn(people, at).token)
        for at in range(world.operations)
    ]


def _marks(world: World, number: int) -> list[bytes]:
    marks = []
    for at in range(world.operations):
        person = _turn(world.connected, at)
        place = number * ceil(world.operations / CONNECTIONS) + at // CONNECTIONS
        marks.append(
            request(
                "POST",
                "/api/notifications/mark-read/",
                person.token,
                {"notification_ids": [world.unread[person.id][place]]},
            )
        )
    return marks


def _follows(world: World, number: int) -> list[bytes]:
    """Return follows such that those under way together are of different users and businesses."""
    follows = []
    for at in range(number * world.operations, (number + 1) * world.operations):
        person = _turn(world.followers, at)
        business_id = _turn(world.businesses, at // len(world.followers) + at)
        follows.append(follow_request(person, business_id))
    return follows


def _told(world: World, told: dict[str, object]) -> bytes:
    return request("POST", EVENTS, world.platform_token, told)


def _turn(items: Sequence[T], at: int) -> T:
    return items[at % len(items)]
