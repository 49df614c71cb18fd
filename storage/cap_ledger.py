"""Keep in Redis which notifications count to somebody's caps of a day, exactly across processes.

A user's local day is one hash: notification id -> its channels, as a sum of bits; bit -> how many
count on that channel. Reserving is adding an id if it is there or there is room, giving back is
taking it away; so doing either again changes nothing.

Redis may forget. Each tag (storage/redis.py) has a marker, which says since when nothing has been
forgotten under it. A day that began after that is known whole; on an earlier one, what was sent
before has to be read from the store and written back first, which the field `k` of the hash records
as of when. The marker lies under the tag itself, so it is lost with what it speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from rules.caps import Reservation
from rules.kinds import Channel
from rules.local_day import LocalDay
from storage.redis import TAGS, RedisStore, tagged_key, user_tag
from storage.redis_script import Argument, RedisScript, ScriptItem

BITS = {Channel.IN_APP: 1, Channel.EMAIL: 2, Channel.PUSH: 4, Channel.SMS: 8}

KEPT_BEYOND_DAY = timedelta(hours=1)
"""For clocks that differ; nothing is reserved for a day that is over."""

CLOCKS_DIFFER = timedelta(seconds=10)
"""By at most this, or a process is not ready (storage/positions.py): a day that began so soon after
the marker is taken for one that began before it."""

CALL_WITHIN_S = 1.0

_CHANNELS = tuple(
    frozenset(channel for channel, bit in BITS.items() if mask & bit) for mask in range(16)
)

# Of each reservation, KEYS: the tag's marker and the hash of the day. ARGV: the id, when the day
# began (ms), when the hash may go (s), whether it is led by its first channel, how many channels,
# and for each of those its bit and cap.
# Answers the sum of the bits that it has; when what is known of the day is not all, a negative
# number: one less than the marker's, or -1 without a marker.
_RESERVE = RedisScript("""
local answers = {}
local at = 0
for item = 1, #KEYS / 2 do
  local since = tonumber(redis.call('GET', KEYS[2 * item - 1]) or -1)
  local key, id = KEYS[2 * item], ARGV[at + 1]
  local began_at, expires_at = tonumber(ARGV[at + 2]), ARGV[at + 3]
  local is_led, count = ARGV[at + 4] == '1', tonumber(ARGV[at + 5])
  local fields = {'k', id}
  for each = 1, count do
    fields[each + 2] = ARGV[at + 4 + 2 * each]
  end
  local found = redis.call('HMGET', key, unpack(fields))
  if since < 0 then
    answers[item] = -1
  elseif since > began_at and tonumber(found[1] or -1) < since then
    answers[item] = -since - 1
  else
    local mask = tonumber(found[2] or 0)
    local granted, changes = 0, {}
    for each = 1, count do
      local bit, cap = tonumber(fields[each + 2]), tonumber(ARGV[at + 5 + 2 * each])
      local used = tonumber(found[each + 2] or 0)
      if math.floor(mask / bit) % 2 == 1 then
        granted = granted + bit
      elseif used < cap then
        granted, mask = granted + bit, mask + bit
        changes[#changes + 1] = fields[each + 2]
        changes[#changes + 1] = used + 1
      elseif is_led and each == 1 then
        break
      end
    end
    if #changes > 0 then
      redis.call('HSET', key, id, mask, unpack(changes))
      redis.call('EXPIREAT', key, expires_at)
    end
    answers[item] = granted
  end
  at = at + 5 + 2 * count
end
return answers
""")

# Of each, KEYS: the hash. ARGV: the id and the sum of the bits to give back.
_GIVE_BACK = RedisScript("""
local answers = {}
for item, key in ipairs(KEYS) do
  local id, unwanted = ARGV[2 * item - 1], tonumber(ARGV[2 * item])
  local mask = tonumber(redis.call('HGET', key, id) or 0)
  local kept = mask
  for _, bit in ipairs({1, 2, 4, 8}) do
    if math.floor(mask / bit) % 2 == 1 and math.floor(unwanted / bit) % 2 == 1 then
      kept = kept - bit
      redis.call('HINCRBY', key, bit, -1)
    end
  end
  if kept == 0 then
    redis.call('HDEL', key, id)
  elseif kept ~= mask then
    redis.call('HSET', key, id, kept)
  end
  answers[item] = kept
end
return answers
""")

# Of each, KEYS: the hash. ARGV: as of which marker it is known now, when it may go (s), how many
# ids, and for each of those the id and the sum of its bits.
_RESTORE = RedisScript("""
local answers = {}
local at = 0
for item, key in ipairs(KEYS) do
  local count = tonumber(ARGV[at + 3])
  for each = 1, count do
    local id, mask = ARGV[at + 2 + 2 * each], tonumber(ARGV[at + 3 + 2 * each])
    local known = tonumber(redis.call('HGET', key, id) or 0)
    local all = known
    for _, bit in ipairs({1, 2, 4, 8}) do
      if math.floor(mask / bit) % 2 == 1 and math.floor(known / bit) % 2 == 0 then
        all = all + bit
        redis.call('HINCRBY', key, bit, 1)
      end
    end
    redis.call('HSET', key, id, all)
  end
  redis.call('HSET', key, 'k', ARGV[at + 1])
  redis.call('EXPIREAT', key, ARGV[at + 2])
  at = at + 3 + 2 * count
  answers[item] = count
end
return answers
""")

# Of each, KEYS: the tag's marker. ARGV: the time, and whether a marker that is there stays.
_MARK = RedisScript("""
local answers = {}
for item, key in ipairs(KEYS) do
  if ARGV[2 * item] == '1' then
    redis.call('SET', key, ARGV[2 * item - 1], 'NX')
  else
    redis.call('SET', key, ARGV[2 * item - 1])
  end
  answers[item] = 1
end
return answers
""")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is known of the user's day is not all; `since_ms` is the marker, None without one."""

    since_ms: int | None


@dataclass(frozen=True, slots=True)
class Charges:
    """What the store says of a user's day: id -> the channels on which it counts."""

    user_id: UUID
    day: LocalDay
    channels: Mapping[UUID, Iterable[Channel]]


class CapLedger:
    """The reservations of all users. Every method raises RedisUnavailable."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def reserve(
        self, reservations: Sequence[Reservation]
    ) -> list[frozenset[Channel] | Forgotten]:
        """Return on which of the wanted channels each one counts now; a user's are in order."""
        items = []
        for each in reservations:
            tag = user_tag(each.user_id)
            arguments: list[Argument] = [
                each.notification_id.bytes,
                int((each.day.starts_at - CLOCKS_DIFFER).timestamp() * 1000),
                _expires_at_s(each.day),
                int(each.is_led_by_first),
                len(each.wanted),
            ]
            for channel, cap in each.wanted:
                arguments += (BITS[channel], cap)
            keys = (_marker(tag), _key(each.user_id, each.day))
            items.append(ScriptItem(tag, keys, arguments))
        return [_granted(answer) for answer in await self._run(_RESERVE, items)]

    async def give_back(self, unwanted: Iterable[tuple[Reservation, Iterable[Channel]]]) -> None:
        """Count these notifications on those channels no more."""
        items = [
            _item(each.user_id, each.day, [each.notification_id.bytes, _mask(channels)])
            for each, channels in unwanted
        ]
        await self._run(_GIVE_BACK, items)

    async def restore(self, charges: Iterable[tuple[Charges, int]]) -> None:
        """Write back what the store said after the marker, given with each, had been set."""
        items = []
        for each, since_ms in charges:
            arguments: list[Argument] = [since_ms, _expires_at_s(each.day), len(each.channels)]
            for notification_id, channels in each.channels.items():
                arguments += (notification_id.bytes, _mask(channels))
            items.append(_item(each.user_id, each.day, arguments))
        await self._run(_RESTORE, items)

    async def trust_from(self, since_ms: int) -> None:
        """Set the markers that are missing."""
        await self._mark(since_ms, is_kept=True)

    async def distrust_before(self, since_ms: int) -> None:
        """Set all markers: what began earlier is to be read from the store again."""
        await self._mark(since_ms, is_kept=False)

    async def _mark(self, since_ms: int, *, is_kept: bool) -> None:
        tags = (user_tag(UUID(int=number)) for number in range(TAGS))
        items = [ScriptItem(tag, [_marker(tag)], [since_ms, int(is_kept)]) for tag in tags]
        await self._run(_MARK, items)

    async def _run(self, script: RedisScript, items: Sequence[ScriptItem]) -> list[Any]:
        return await script.run(self._redis, items, deadline_s=CALL_WITHIN_S)


def _granted(answer: int) -> frozenset[Channel] | Forgotten:
    if answer >= 0:
        return _CHANNELS[answer]
    return Forgotten(None if answer == -1 else -answer - 1)


def _item(user_id: UUID, day: LocalDay, arguments: Sequence[Argument]) -> ScriptItem:
    return ScriptItem(user_tag(user_id), [_key(user_id, day)], arguments)


def _key(user_id: UUID, day: LocalDay) -> str:
    return tagged_key(f"caps:{day.date}", user_id)


def _marker(tag: str) -> str:
    return f"snb:{tag}:caps-since"


def _mask(channels: Iterable[Channel]) -> int:
    return sum(BITS[channel] for channel in channels)


def _expires_at_s(day: LocalDay) -> int:
    return int((day.ends_at + KEPT_BEYOND_DAY).timestamp())
