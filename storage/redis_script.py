"""Run one script for many keys in one round trip, a call for each tag (storage/redis.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError, ResponseError

from storage.redis import RedisStore, RedisUnavailable

Argument = str | int | bytes


@dataclass(slots=True)
class ScriptCall:
    """What one run of the script is given; all `keys` have the same tag."""

    keys: list[str] = field(default_factory=list)
    arguments: list[Argument] = field(default_factory=list)


class RedisScript:
    """A script in Lua, sent whole only to servers that do not know it yet."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._sha = sha1(source.encode()).hexdigest()  # noqa: S324 (Redis's own name for it)

    async def run(
        self, redis: RedisStore, calls: Sequence[ScriptCall], *, deadline_s: float
    ) -> list[Any]:
        """Return what each call answers, in order.

        Raises RedisUnavailable, also when the server refuses to run it; then some of the calls
        may have been carried out all the same.
        """
        async with redis.call(deadline_s) as client:
            answers = await self._run(client, "EVALSHA", self._sha, calls)
            unknown = [
                index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)
            ]
            if unknown:
                again = [calls[index] for index in unknown]
                whole = await self._run(client, "EVAL", self._source, again)
                for index, answer in zip(unknown, whole, strict=True):
                    answers[index] = answer
            for answer in answers:
                if isinstance(answer, ResponseError):
                    raise RedisUnavailable(str(answer))
                if isinstance(answer, Exception):
                    raise answer
            return answers

    @staticmethod
    async def _run(
        client: Redis | RedisCluster, command: str, script: str, calls: Sequence[ScriptCall]
    ) -> list[Any]:
        pipeline = client.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command(command, script, len(call.keys), *call.keys, *call.arguments)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers
