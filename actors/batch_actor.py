"""The actor that handles at once all the messages that wait.

With `actors/loop_actor.py` and `actors/loop_ref.py` the only user of pykka's privates: it takes
the envelopes of a batch out of the mailbox itself.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.asked import Asked
from actors.loop_actor import LoopActor

M = TypeVar("M")


class Unanswered(Exception):
    """The batch with this message was handled, and the message got no answer."""

    def __init__(self, actor: str, message_type: str) -> None:
        super().__init__(f"{actor} left {message_type} unanswered")
        self.actor = actor
        self.message_type = message_type


class BatchActor(LoopActor, Generic[M]):
    """Be an actor that handles all waiting messages at once, with one round trip for them.

    Messages that arrive while a batch is being handled wait for the next one.
    """

    batch_limit: ClassVar[int] = 500
    """Messages in one batch: what one round trip of the stores takes within about 50 ms."""

    @abstractmethod
    async def on_receive_many(self, messages: Sequence[Asked[M]]) -> None:
        """Handle the messages, oldest first, and answer each that was asked.

        An error raised here goes to all that have no answer yet; the actor lives on, unless a
        message that was told and not settled is among them. An asked message still without an
        answer on return gets `Unanswered`.
        """

    def _handle_next(self) -> Coroutine[Any, Any, None] | None:
        waiting = self.mailbox.waiting
        batch: list[Envelope[Any]] = []
        while (
            waiting and len(batch) < self.batch_limit and type(waiting[0].message) is not _ActorStop
        ):
            batch.append(waiting.popleft())
        return self._handle_batch(batch) if batch else super()._handle_next()

    async def _handle_batch(self, batch: list[Envelope[Any]]) -> None:
        messages: list[Asked[M]] = [Asked(each.message, each.reply_to) for each in batch]
        failure: Exception | None = None
        try:
            await self.on_receive_many(messages)
        except Exception as error:  # noqa: BLE001 (it goes to the askers or into the log)
            failure = error
        except GeneratorExit:
            # The collector's, since its loop has gone: it can wait for nothing and wake nobody.
            raise
        except BaseException as error:
            unsettled = (
                envelope
                for envelope, asked in zip(batch, messages, strict=True)
                if not asked.is_settled
            )
            await self._end(error, *unsettled)
            raise
        is_fatal = False
        for asked in messages:
            if not asked.is_settled and (asked.is_asked or failure is not None):
                is_fatal = is_fatal or not asked.is_asked
                asked.fail(failure or Unanswered(str(self), type(asked.message).__name__))
            self._log_failure(asked)
        if is_fatal:
            await self._end(failure)
