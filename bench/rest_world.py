"""The people, businesses and notifications that the rows of the REST API are asked over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from uuid import UUID

from bench.population import Person, Population, listing
from bench.rest_mix import LISTING_FOLLOWERS, SHARES, WHOLE

CONNECTIONS = 16
ALONE_SHARE = 4
"""One request at a time takes longer, so there are so many times fewer of them."""

LIST_SIZE = 20

LEAST_ROWS = 3_000
"""Notifications of all together. The faster store reads all of 1,954 rows, though it has an index
on what is asked for, at 45 to 65 ms of its CPU for a count of 60; of 2,560 it reads those by the
index, at 2 to 4 ms. No platform has so few."""

BUSINESSES_TO_FOLLOW = 50
"""Of the 100 that a user may follow."""


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
    followed: UUID
    """A business that `LISTING_FOLLOWERS` follow, the first of whom are connected."""

    unfollowed: UUID
    """A business that nobody follows."""

    unread: dict[UUID, list[str]]
    """The notifications of each who is connected that are still to be marked."""

    platform_token: str
    operations: int


def populate(
    population: Population, *, operations: int, rounds: int, people: int = CONNECTIONS
) -> World:
    """Make what the rows need for requests of so many `people`, who take turns."""
    connected = population.people(people)
    absent = population.people(people)
    followers = population.people(max(people, ceil(operations * rounds / BUSINESSES_TO_FOLLOW)))
    business_id, followed, unfollowed, *businesses = population.businesses(3 + BUSINESSES_TO_FOLLOW)
    population.follow([*connected, *absent], business_id)
    others = population.people(max(0, LISTING_FOLLOWERS - people))
    population.follow([*connected[:LISTING_FOLLOWERS], *others], followed)
    # Each of these rows begins with the first of them again.
    mixed = max(operations, WHOLE) * SHARES["mark-read"] // WHOLE + 1
    marks = sum(
        ceil(count / people)
        for count in (operations, operations // 2, mixed, operations // ALONE_SHARE)
    )
    unread = max(
        marks * rounds + LIST_SIZE,
        ceil(LEAST_ROWS / (len(connected) + len(absent))),
    )
    population.tell(listing(business_id) for _ in range(unread))
    return World(
        connected=connected,
        absent=absent,
        followers=followers,
        businesses=businesses,
        followed=followed,
        unfollowed=unfollowed,
        unread={person.id: population.unread_ids(person, unread) for person in connected},
        platform_token=population.platform_token,
        operations=operations,
    )
