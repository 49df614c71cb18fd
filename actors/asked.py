"""A message together with its asker, if it has one."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

import pykka

from actors.loop_future import LoopFuture

M = TypeVar("M")


class Asked(Generic[M]):
    """One message of a batch, to be answered by `reply` or `fail`, once.

    A message that was told (`is_asked` False) needs neither; `fail` has it logged.
    """

    __slots__ = ("_reply_to", "failure", "is_settled", "message")

    def __init__(self, message: M, reply_to: pykka.Future[Any] | None) -> None:
        self.message = message
        self.is_settled = False
        self.failure: Exception | None = None
        self._reply_to = reply_to

    @property
    def is_asked(self) -> bool:
        """Whether somebody was to get a reply."""
        return self._reply_to is not None

    @property
    def is_abandoned(self) -> bool:
        """Whether whoever asked has given up, so that the work may be left undone."""
        return isinstance(self._reply_to, LoopFuture) and self._reply_to.is_abandoned

    def reply(self, value: Any = None) -> None:
        """Answer the message; raises `asyncio.InvalidStateError` when it has been answered."""
        self._settle()
        if self._reply_to is not None:
            self._reply_to.set(value)

    def fail(self, error: Exception) -> None:
        """Answer with an error; raises `asyncio.InvalidStateError` when it has been answered."""
        self._settle()
        self.failure = error
        if self._reply_to is not None:
            self._reply_to.set_exception((type(error), error, error.__traceback__))

    def _settle(self) -> None:
        if self.is_settled:
            raise asyncio.InvalidStateError("the message has been answered")
        self.is_settled = True
