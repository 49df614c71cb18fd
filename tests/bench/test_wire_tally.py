"""The relay before the store counts what is asked, and changes nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import bson
import pymongo

from bench.wire_tally import Forget, Tell, command_of, tallied


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
