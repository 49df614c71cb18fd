"""`user.*` and `business.*`: keep the read models of users and businesses, and welcome the new.

Events come in any order and many at a time; each field keeps its newest value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from uuid import UUID

from actors.flows.business_changes import CHANGED
from actors.flows.content import Content
from actors.flows.plan import NOTHING, NotYet, Plan, ReadModelFlow, SubjectFlow, Tell
from actors.follow_ups import FollowUp, FollowUps
from rules.kinds import KINDS
from storage.businesses import BusinessChange, BusinessesRepository
from storage.events import StoredEvent
from storage.names import NameResolver
from storage.users import ProfileChange, UsersRepository

REGISTERED = "user.registered"


class UserProfiles(SubjectFlow):
    """`user.registered` and `user.updated`."""

    def __init__(self, users: UsersRepository, resolvers: Iterable[NameResolver]) -> None:
        self._users = users
        self._resolvers = tuple(resolvers)

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        """Store what `events` say of users, and welcome who was registered by one of them.

        The first registration of a user is kept, so that one sent again under another id welcomes
        nobody, and the same event done again does.
        """
        await self._apply(events)
        new = [UUID(event.data["id"]) for event in events if event.type == REGISTERED]
        registered_by = await self._users.registered_by(new) if new else {}
        return [
            _welcome(event) if registered_by.get(UUID(event.data["id"])) == event.key else NOTHING
            for event in events
        ]

    async def _apply(self, events: Sequence[StoredEvent]) -> None:
        changes = []
        for event in events:
            fields = dict(event.data)
            user_id = UUID(fields.pop("id"))
            registered_by = event.key if event.type == REGISTERED else None
            changes.append(ProfileChange(user_id, fields, event.occurred_at, registered_by))
        await self._users.apply(changes)
        for resolver in self._resolvers:
            resolver.forget(change.user_id for change in changes)


def _welcome(event: StoredEvent) -> Plan:
    content = welcome(event.data["user_type"])
    return Plan(tells=(Tell(content=content, recipient_ids=(UUID(event.data["id"]),)),))


def welcome(user_type: str) -> Content:
    """Return what somebody new is told."""
    what_next = (
        "Post your surplus food, and those who follow you hear of it at once."
        if user_type == "provider"
        else "Follow the businesses you like, and you hear of their surplus food at once."
    )
    return Content(
        kind=KINDS["welcome"],
        title="Welcome to Save n Bite",
        message=f"Your account is ready. {what_next}",
        data={"user_type": user_type},
    )


class BusinessProfiles(ReadModelFlow):
    """`business.created` and `business.updated`; what followers may want to know follows from it.

    That is stored first: once the profile is, nobody can tell any more what was new. Of two updates
    that two processes apply in the same moment, each may be compared with what was before both.
    """

    def __init__(
        self,
        businesses: BusinessesRepository,
        resolvers: Iterable[NameResolver],
        follow_ups: FollowUps,
    ) -> None:
        self._businesses = businesses
        self._resolvers = tuple(resolvers)
        self._follow_ups = follow_ups

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Store what `events` say of businesses."""
        changes = [_business_change(event) for event in events]
        news = await self._news(events, changes)
        await self._follow_ups.store(news)
        await self._businesses.apply(changes)
        for resolver in self._resolvers:
            resolver.forget(change.business_id for change in changes)
        if news:
            self._follow_ups.hand_over()

    async def _news(
        self, events: Sequence[StoredEvent], changes: Sequence[BusinessChange]
    ) -> list[FollowUp]:
        """Return what there is to tell followers, of what is known and of each other."""
        updated = {
            change.business_id
            for event, change in zip(events, changes, strict=True)
            if event.type == "business.updated"
        }
        # Of what is not known, nobody is a follower.
        known = await self._businesses.known(updated) if updated else {}
        news = []
        for event, change in zip(events, changes, strict=True):
            business = known.get(change.business_id)
            if business is None:
                continue
            told = business.learn(change.fields, change.occurred_at)
            if told and event.type == "business.updated":
                data = {
                    "business_id": str(change.business_id),
                    "changes": {name: asdict(each) for name, each in told.items()},
                }
                news.append(FollowUp(event, CHANGED, data))
        return news


def _business_change(event: StoredEvent) -> BusinessChange:
    fields = dict(event.data)
    business_id = UUID(fields.pop("id"))
    return BusinessChange(business_id, fields, event.occurred_at)
