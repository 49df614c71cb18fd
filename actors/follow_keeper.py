"""The actor that changes who follows what: all that wait, by a few round trips together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.loop_ref import LoopActorRef
from storage.client import StoreRefused, StoreUnavailable
from storage.collection import IDS_AT_ONCE
from storage.follow_changes import ChangeFollow, FollowChange
from storage.following import Following, FollowResult

CHANGE_WITHIN_S = 10.0

log = structlog.get_logger(__name__)


class FollowKeeper(BatchActor[ChangeFollow]):
    """Carries follows and unfollows out in the order in which they came.

    They are settled once they are answered: with those after them, while more wait. A process that
    is killed before leaves that to the repair.

    Each is asked, and answered with `FollowResult`, or fails with what refuses it:
    AlreadyFollowing, NotFollowing, FollowLimitExceeded, StoreUnavailable.
    """

    mailbox_limit = 1_000
    batch_limit = IDS_AT_ONCE

    def __init__(self, following: Following) -> None:
        super().__init__()
        self._following = following
        self._unsettled: list[FollowChange] = []

    async def on_receive_many(self, messages: Sequence[Asked[ChangeFollow]]) -> None:
        """Make the changes, and answer each; who has given up by now wants none."""
        wanted = []
        for asked in messages:
            if asked.is_abandoned:
                asked.reply()
            else:
                wanted.append(asked)
        try:
            done = await self._following.carry_out([asked.message for asked in wanted])
            self._unsettled += done.changes
            for asked, result in zip(wanted, done.results, strict=True):
                if isinstance(result, FollowResult):
                    asked.reply(result)
                else:
                    asked.fail(result)
        finally:
            if not self.mailbox.waiting or len(self._unsettled) >= IDS_AT_ONCE:
                await self._settle()

    async def on_stop(self) -> None:  # type: ignore[override]
        """Settle what has been changed."""
        await self._settle()

    async def _settle(self) -> None:
        """Settle what has been changed; what cannot be is for the repair."""
        changes, self._unsettled = self._unsettled, []
        try:
            await self._following.settle(changes)
        except (StoreUnavailable, StoreRefused) as error:
            log.warning("follows_not_settled", changes=len(changes), reason=error.reason)


class Follows:
    """What users ask of it."""

    def __init__(self, keeper: Callable[[], LoopActorRef[FollowKeeper]]) -> None:
        self._keeper = keeper

    async def follow(self, user_id: UUID, user_type: str, business_id: UUID) -> FollowResult:
        """Follow a business that there is. Raises AlreadyFollowing, FollowLimitExceeded."""
        return await self._change(
            ChangeFollow(
                user_id=user_id, business_id=business_id, is_follow=True, user_type=user_type
            )
        )

    async def unfollow(self, user_id: UUID, business_id: UUID) -> None:
        """Stop following a business. Raises NotFollowing."""
        await self._change(ChangeFollow(user_id=user_id, business_id=business_id, is_follow=False))

    async def _change(self, change: ChangeFollow) -> FollowResult:
        result: FollowResult = await self._keeper().request(change, deadline_s=CHANGE_WITHIN_S)
        return result
