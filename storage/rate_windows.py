"""Count callers' requests in sliding windows in Redis, exactly across all processes.

A window is a list of pairs, oldest first: a time in microseconds and how many were admitted up to
and including it since the list began. The first pair is the last one that has left the window, or
the very first of all. So a check costs the same however much a window admits. Time is the
server's own, because processes do not agree on theirs to the microsecond.

`rules/sliding_window.py` is the same in memory, for the time that Redis is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rules.rate_limits import Check, RateLimit, Standing, Usage, standing
from rules.sliding_window import cell_width
from storage.redis import TAGS, RedisStore, tagged_key, user_tag
from storage.redis_script import Argument, RedisScript, ScriptItem

CELLS = 128
"""Pairs that a window keeps: exact to the microsecond up to this many, and to half a second of a
minute and half a minute of an hour beyond; at 14 bytes each, 2 KB a caller and limit at most."""

CHECK_WITHIN_S = 1.0
"""How long requests wait in the one batch that finds Redis away."""

MICROSECONDS = 1_000_000

# ARGV: for each check how many windows it has and whether it is to be counted; then for each of
# them how many it admits, its length and the width of its cells, in microseconds.
# Answers for each check whether it is admitted, then for each window how many count and when that
# becomes fewer, in microseconds, or -1 when nothing counts.
_CHECK = RedisScript("""
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local key_at, argument_at = 0, 0

local function argument()
  argument_at = argument_at + 1
  return tonumber(ARGV[argument_at])
end

local function slide(key, length)
  local gone = now - length
  local head = redis.call('LRANGE', key, 0, 3)
  while head[3] and tonumber(head[3]) <= gone do
    redis.call('LPOP', key)
    redis.call('LPOP', key)
    head = redis.call('LRANGE', key, 0, 3)
  end
  local base, oldest = 0, head[1]
  if oldest and tonumber(oldest) <= gone then
    base, oldest = tonumber(head[2]), head[3]
  end
  return base, oldest and tonumber(oldest)
end

local answers = {}
while argument_at < #ARGV do
  local window_count, is_counted = argument(), argument() == 1
  local windows, is_admitted = {}, true
  for index = 1, window_count do
    key_at = key_at + 1
    local window = {key = KEYS[key_at], most = argument(), length = argument(), cell = argument()}
    local newest = redis.call('LRANGE', window.key, -2, -1)
    window.newest, window.total = tonumber(newest[1]), tonumber(newest[2] or 0)
    local base, oldest = slide(window.key, window.length)
    window.used, window.oldest = window.total - base, oldest
    is_admitted = is_admitted and window.used < window.most
    windows[index] = window
  end
  local answer = {is_admitted and 1 or 0}
  for _, window in ipairs(windows) do
    if is_admitted and is_counted then
      local key, total, cell = window.key, window.total + 1, window.cell
      window.used = window.used + 1
      local is_same_cell = window.used > 1 and cell > 0
        and math.floor(window.newest / cell) == math.floor(now / cell)
      if is_same_cell then
        redis.call('LSET', key, -2, now)
        redis.call('LSET', key, -1, total)
        if window.oldest == window.newest then window.oldest = now end
      else
        redis.call('RPUSH', key, now, total)
      end
      redis.call('PEXPIRE', key, math.ceil(window.length / 1000) + 1)
      window.oldest = window.oldest or now
    end
    answer[#answer + 1] = window.used
    answer[#answer + 1] = window.oldest and (window.oldest + window.length - now) or -1
  end
  answers[#answers + 1] = answer
end
return answers
""")

_PROBE = (RateLimit("probe", 1_000, 1.0),)


class RateWindows:
    """The windows of all callers."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def check(self, checks: Sequence[Check]) -> list[Standing]:
        """Return where the caller of each check stands, all in one round trip, oldest first.

        Each has at least one limit. Raises RedisUnavailable; they may have counted all the same.
        """
        items = [_item(check) for check in checks]
        answers = await _CHECK.run(self._redis, items, deadline_s=CHECK_WITHIN_S)
        return [_standing(check, answer) for check, answer in zip(checks, answers, strict=True)]

    async def probe(self) -> None:
        """Count on every part of the keys, as checks do. Raises RedisUnavailable."""
        await self.check([Check(UUID(int=number), _PROBE) for number in range(TAGS)])


def _item(check: Check) -> ScriptItem:
    arguments: list[Argument] = [len(check.limits), int(check.is_counted)]
    for limit in check.limits:
        length = int(limit.window_s * MICROSECONDS)
        cell = cell_width(most=limit.most, length=length, cells=CELLS)
        arguments += (limit.most, length, int(cell))
    keys = [tagged_key(f"rate:{limit.name}", check.caller) for limit in check.limits]
    return ScriptItem(user_tag(check.caller), keys, arguments)


def _standing(check: Check, answer: list[Any]) -> Standing:
    is_admitted, *numbers = answer
    usages = []
    for limit, used, frees_in in zip(check.limits, numbers[::2], numbers[1::2], strict=True):
        if frees_in >= 0:
            frees_in_s = frees_in / MICROSECONDS
        else:
            frees_in_s = 0.0 if limit.most else limit.window_s
        usages.append(Usage(limit, used, frees_in_s))
    return standing(usages, is_admitted=bool(is_admitted))
