"""Follow and unfollow, over three collections and without transactions.

The steps of a change, each a method for any number of them, each idempotent or guarded:

1. `users`: the truth, the limit, and a reminder of the change, in one atomic update;
2. `follows`: the row, unless it knows a newer change already;
3. `businesses`: the count, by what step 2 changed;
4. `users`: the reminder goes.

A process killed in between leaves the reminder, and `repair` does the rest. Errors:
`AlreadyFollowing`, `NotFollowing`, `FollowLimitExceeded`. That there is such a business is for the
caller to know.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from rules.ids import follow_id
from storage.follow_changes import FOLLOW_LIMIT, FollowChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from storage.businesses import Business, BusinessesRepository
    from storage.follow_changes import ChangeFollow, FollowChanges, Refusal
    from storage.follows import FollowsRepository, Recorded
    from storage.positions import PositionClock
    from storage.users import UsersRepository

RECOUNTS = 5
"""Attempts at one count while others change it; the next repair tries again."""

OWN_TIME = timedelta(seconds=45)
"""A change that takes longer is left to the repair, which may have begun on it."""

REPAIR_AFTER = timedelta(seconds=90)
"""Age at which a change's process is taken to be gone: twice the time that it takes for itself."""


REPAIR_WITHIN_S = 20.0
"""Of one repair; the next goes on."""


class AlreadyFollowing(Exception):
    """The user follows the business."""

    def __init__(self, business_id: UUID) -> None:
        super().__init__(f"follows {business_id} already")
        self.business_id = business_id


class NotFollowing(Exception):
    """The user does not follow the business."""

    def __init__(self, business_id: UUID) -> None:
        super().__init__(f"does not follow {business_id}")
        self.business_id = business_id


class FollowLimitExceeded(Exception):
    """The user follows as many businesses as one may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"follows {limit} businesses already")
        self.limit = limit


Refused: TypeAlias = AlreadyFollowing | NotFollowing | FollowLimitExceeded


@dataclass(frozen=True, slots=True)
class FollowResult:
    """A change made; `created` is true for a follow that does not restore an earlier one."""

    follow_id: UUID
    created: bool


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What became of each change that was wanted, and those made, which are still to be settled."""

    results: Sequence[FollowResult | Refused]
    changes: Sequence[FollowChange]


@dataclass(frozen=True, slots=True)
class FollowedBusiness:
    """A row of the list of what a user follows."""

    follow_id: UUID
    business: Business
    followed_at: datetime | None
    """None for a follow that is being made this moment."""


class Following:
    """What users do to follow businesses."""

    def __init__(
        self,
        users: UsersRepository,
        follows: FollowsRepository,
        businesses: BusinessesRepository,
        changes: FollowChanges,
        clock: PositionClock,
    ) -> None:
        self._users = users
        self._follows = follows
        self._businesses = businesses
        self.changes = changes
        self._clock = clock

    async def carry_out(self, wanted: Sequence[ChangeFollow]) -> CarriedOut:
        """Do steps 1 to 3 of all changes, each step for all before the next.

        Step 4 is still to be done, and nobody has to wait for it.
        """
        begun = await self.begin(wanted)
        changes = [each for each in begun if isinstance(each, FollowChange)]
        recorded = await self.record(changes)
        await self.count(changes, recorded)
        created = {
            change.token: each.is_first for change, each in zip(changes, recorded, strict=True)
        }
        return CarriedOut(
            [
                FollowResult(follow_id(each.business_id, each.user_id), created[each.token])
                if isinstance(each, FollowChange)
                else each
                for each in begun
            ],
            changes,
        )

    async def begin(self, wanted: Sequence[ChangeFollow]) -> list[FollowChange | Refused]:
        """Step 1."""
        begun = await self.changes.begin(wanted, at=self._clock.store_now())
        return [
            change if isinstance(change, FollowChange) else _refused(change, each.business_id)
            for change, each in zip(begun, wanted, strict=True)
        ]

    async def record(self, changes: Sequence[FollowChange]) -> list[Recorded]:
        """Step 2: the rows."""
        return await self._follows.record(changes)

    async def count(self, changes: Sequence[FollowChange], recorded: Sequence[Recorded]) -> None:
        """Step 3: the counts, unless this took so long that a repair may be counting."""
        by: Counter[UUID] = Counter()
        for change, each in zip(changes, recorded, strict=True):
            if self._is_own(change):
                by[change.business_id] += each.counts
        await self._businesses.count_followers({key: more for key, more in by.items() if more})

    async def settle(self, changes: Sequence[FollowChange]) -> None:
        """Step 4: forget the reminders, but those of which a repair is to see to the count."""
        await self.changes.settled([change for change in changes if self._is_own(change)])

    async def page(
        self, user_id: UUID, *, page: int, page_size: int
    ) -> tuple[int, list[FollowedBusiness]]:
        """Return how many the user follows, and those of page `page` (from 1), newest first."""
        following = await self._users.following(user_id)
        first = (page - 1) * page_size
        wanted = following[::-1][first : first + page_size]
        if not wanted:
            return len(following), []
        businesses = await self._businesses.find_many(wanted)
        follows = await self._follows.find_many(user_id, wanted)
        return len(following), [
            FollowedBusiness(
                follow_id(business_id, user_id),
                businesses[business_id],
                follows[business_id].followed_at if business_id in follows else None,
            )
            for business_id in wanted
            if business_id in businesses
        ]

    async def repair(
        self, older_than: timedelta = REPAIR_AFTER, *, within_s: float = REPAIR_WITHIN_S
    ) -> int:
        """Finish the changes that their process did not, a business at a time; return how many.

        A business whose followers are changing this moment is left for the next time, and so is
        what there is no time for.
        """
        stop_at_s = time.monotonic() + within_s
        stale = await self.changes.unsettled(before=self._clock.store_now() - older_than)
        by_business: dict[UUID, list[FollowChange]] = defaultdict(list)
        for change in stale:
            by_business[change.business_id].append(change)
        repaired = 0
        for business_id, changes in by_business.items():
            if time.monotonic() > stop_at_s:
                break
            await self._follows.record(changes)
            if await self._recount(business_id, ignoring={change.token for change in changes}):
                await self.changes.settled(changes)
                repaired += len(changes)
        return repaired

    async def _recount(self, business_id: UUID, *, ignoring: Iterable[UUID]) -> bool:
        """Set the count to what the rows say; tell whether it could be done.

        The order matters. A change that begins after the third line is in neither the rows counted
        nor the count written; one that ended before it has moved the revision.
        """
        for _ in range(RECOUNTS):
            before = await self._businesses.followers_count(business_id)
            count = await self._follows.count(business_id)
            if await self.changes.settling_tokens(business_id) - set(ignoring):
                return False
            if count == before.count or await self._businesses.correct_followers_count(
                business_id, count, revision=before.revision
            ):
                return True
        return False

    def _is_own(self, change: FollowChange) -> bool:
        return self._clock.store_now() - change.at < OWN_TIME


def _refused(refusal: Refusal, business_id: UUID) -> Refused:
    match refusal:
        case "already":
            return AlreadyFollowing(business_id)
        case "full":
            return FollowLimitExceeded(FOLLOW_LIMIT)
        case "absent":
            return NotFollowing(business_id)
