"""The relay before the store counts what is asked, and changes nothing but what it is told to."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import bson
import pymongo

from bench.wire_tally import Forget, Hold, LetGo, Tell, command_of, tallied
from tests.support.bus import until


def test_each_command_counts_once_by_its_collection(mongodb_uri: str, database_name: str) -> None:
    with tallied(mongodb_uri) as (tally, leading_there):
        with pymongo.MongoClient[dict[str, Any]](leading_there["SNB_MONGODB_URI"]) as client:
            things = client[database_name]["things"]
            things.insert_many([{"_id": number, "text": "x" * 100_000} for number in range(3)])
            found = [things.find_one({"_id": number}) for number in range(2)]
            things.update_one({"_id": 1}, {"$set": {"text": ""}})
            asked: Counter[str] = tally.call(Tell()).result
            tally.call(Forget())
            forgotten: Counter[str] = tally.call(Tell()).result
        assert [row["_id"] for row in found if row] == [0, 1]
        assert asked == {"insert things": 1, "find things": 2, "update things": 1}
        assert forgotten == {}


def _message(document: dict[str, Any], *, op_code: int = 2013) -> bytes:
    body = bson.encode(document)
    length = 16 + 4 + 1 + len(body)
    head = b"".join(number.to_bytes(4, "little") for number in (length, 1, 0, op_code))
    return head + bytes(5) + body


def test_what_a_driver_asks_for_itself_is_no_command() -> None:
    assert command_of(_message({"hello": 1, "$db": "admin"})) is None
    assert command_of(_message({"find": "users"}, op_code=2004)) is None


def test_a_command_on_no_collection_is_known_by_its_name() -> None:
    assert command_of(_message({"listCollections": 1, "$db": "snb"})) == "listCollections"
    assert command_of(_message({"getMore": 17, "collection": "users"})) == "getMore"


async def test_a_command_is_held_until_it_is_let_go(mongodb_uri: str, database_name: str) -> None:
    with (
        tallied(mongodb_uri) as (relay, leading_there),
        pymongo.MongoClient[dict[str, Any]](leading_there["SNB_MONGODB_URI"]) as client,
    ):
        things = client[database_name]["held"]
        things.insert_one({"_id": 1, "is_held": True})
        relay.call(Hold("update held"))
        update = asyncio.create_task(
            asyncio.to_thread(things.update_one, {"_id": 1}, {"$set": {"is_held": False}})
        )
        await until(lambda: relay.call(Tell()).result["update held"])
        # What is asked otherwise is not held.
        assert things.find_one() == {"_id": 1, "is_held": True}
        assert not update.done()
        relay.call(LetGo())
        assert (await update).modified_count == 1
        assert things.find_one() == {"_id": 1, "is_held": False}
