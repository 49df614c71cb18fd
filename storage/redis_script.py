"""Run one script for many users in one round trip, whatever kind of Redis there is.

A script is written for any number of items: it takes the keys and the arguments of one after the
other, and answers a list with an answer for each. On a Cluster it is called once for each tag that
occurs (storage/redis.py), because a call has all its keys on one node; elsewhere once for them all,
since what costs the caller most is a call, not what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from itertools import chain
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError, ResponseError

from storage.collection import portions
from storage.redis import RedisStore, RedisUnavailable

ITEMS_AT_ONCE = 250
"""Items of one call: nobody else is answered by the server while it runs, for about 2 ms."""

Argument = str | int | bytes


@dataclass(frozen=True, slots=True)
class ScriptItem:
    """What a script is given of one user; all of its keys have the user's tag."""

    tag: str
    keys: Sequence[str]
    arguments: Sequence[Argument]


class RedisScript:
    """A script in Lua, sent whole only to servers that do not know it yet."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._sha = sha1(source.encode()).hexdigest()  # noqa: S324 (Redis's own name for it)

    async def run(
        self, redis: RedisStore, items: Sequence[ScriptItem], *, deadline_s: float
    ) -> list[Any]:
        """Return what the script answers for each item, having taken those of a tag in order.

        Raises RedisUnavailable, also when the server refuses to run it; then it may have been
        carried out for some of the items all the same.
        """
        if not items:
            return []
        found: dict[int, Any] = {}
        async with redis.call(deadline_s) as client:
            groups = _groups(items, by_tag=isinstance(client, RedisCluster))
            answers = await self._call(client, items, groups)
        for places, answer in zip(groups, answers, strict=True):
            found.update(zip(places, answer, strict=True))
        return [found[place] for place in range(len(items))]

    async def _call(
        self, client: Redis | RedisCluster, items: Sequence[ScriptItem], groups: list[list[int]]
    ) -> list[Any]:
        commands = [_command([items[place] for place in places]) for places in groups]
        answers = await _pipelined(client, "EVALSHA", self._sha, commands)
        unknown = [
            index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)
        ]
        if unknown:
            again = [commands[index] for index in unknown]
            whole = await _pipelined(client, "EVAL", self._source, again)
            for index, answer in zip(unknown, whole, strict=True):
                answers[index] = answer
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise RedisUnavailable(str(answer))
            if isinstance(answer, Exception):
                raise answer
        return answers


def _groups(items: Sequence[ScriptItem], *, by_tag: bool) -> list[list[int]]:
    """Return the places of the items of each call."""
    if not by_tag:
        return list(portions(range(len(items)), ITEMS_AT_ONCE))
    tagged: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        tagged.setdefault(item.tag, []).append(place)
    return list(tagged.values())


def _command(items: Sequence[ScriptItem]) -> list[Argument]:
    """Return the call's number of keys, keys and arguments."""
    keys = list(chain.from_iterable(item.keys for item in items))
    return [len(keys), *keys, *chain.from_iterable(item.arguments for item in items)]


async def _pipelined(
    client: Redis | RedisCluster, command: str, script: str, calls: Sequence[Sequence[Argument]]
) -> list[Any]:
    if len(calls) == 1:
        # A pipeline of one costs half as much again.
        try:
            return [await client.execute_command(command, script, *calls[0])]
        except ResponseError as error:
            return [error]
    pipeline = client.pipeline(transaction=False)
    for call in calls:
        pipeline.execute_command(command, script, *call)
    answers: list[Any] = await pipeline.execute(raise_on_error=False)
    return answers
