"""`docs/routing.md` says of every query which shards it asks, and who may answer, and is right."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from storage.indexes import INDEXES
from storage.shard_keys import SHARD_KEYS
from tests.storage.recorded import recorded
from tests.storage.uses import USES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from storage.encryption import FieldCipher
    from storage.positions import PositionClock
    from tests.storage.recorded import Sent
    from tests.storage.uses.use import Use

BY_METHOD: dict[Any, list[Use]] = defaultdict(list)
for each_use in USES:
    BY_METHOD[each_use.method].append(each_use)

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "routing.md"


class Routing(StrEnum):
    """How many shards a query asks."""

    ONE = "one"
    FEW = "few"
    ALL = "all"


@dataclass(frozen=True, slots=True, order=True)
class Query:
    """One kind of query, as the page lists it."""

    method: str
    command: str
    collection: str
    asks: str
    answered_by: str


def routing(collection: str, query: Mapping[str, Any]) -> Routing:
    """Return how a `mongos` routes a filter (MongoDB manual, "mongos": targeted and broadcast)."""
    key = SHARD_KEYS.get(collection)
    if key is None:
        return Routing.ONE
    named = [_values(query.get(field)) for field in key]
    if named[0] is None:
        return Routing.ALL
    # A prefix of the key is a range of it, which may have been cut.
    return Routing.ONE if named == [1] * len(named) else Routing.FEW


def key_of(collection: str) -> AbstractSet[str]:
    """Return the shard key's fields; collections that are not sharded have none."""
    return SHARD_KEYS.get(collection, {}).keys()


def _values(condition: Any) -> int | None:
    """Return how many values a condition allows a field, None when that is not known."""
    if not isinstance(condition, dict):
        return None if condition is None else 1
    return len(condition["$in"]) if "$in" in condition else None


def query_of(use: Use, sent: Sent) -> Query:
    return Query(
        use.method.__qualname__,
        sent.command,
        sent.collection,
        routing(sent.collection, sent.filter),
        "secondaries" if sent.may_be_stale else "primary",
    )


def listed() -> dict[Query, str]:
    """Return query -> why it asks all shards, as the page has it."""
    rows = re.findall(
        r"^\| `(.*)` \| (.*) \| `(.*)` \| (.*) \| (.*) \| (.*) \|$", PAGE.read_text(), re.M
    )
    return {Query(*cells): why.strip() for *cells, why in rows}


@pytest.mark.parametrize(
    ("collection", "query", "asks"),
    [
        ("users", {"_id": 1}, Routing.ONE),
        ("users", {"_id": {"$in": [1, 2]}}, Routing.FEW),
        ("users", {"_id": {"$gt": 1}}, Routing.ALL),
        ("users", {"slot": 1}, Routing.ALL),
        ("follows", {"business_id": 1, "user_id": 2}, Routing.ONE),
        ("follows", {"business_id": 1, "user_id": {"$in": [1, 2]}}, Routing.FEW),
        ("follows", {"business_id": 1}, Routing.FEW),
        ("follows", {"user_id": 1}, Routing.ALL),
        ("jobs", {"due_at": 1}, Routing.ONE),
    ],
)
def test_a_filter_on_the_shard_key_asks_few(
    collection: str, query: dict[str, Any], asks: Routing
) -> None:
    assert routing(collection, query) == asks


@pytest.mark.parametrize("method", BY_METHOD, ids=lambda method: method.__qualname__)
async def test_what_a_method_asks_is_routed_as_the_page_says_and_taken(
    method: Any, mongodb_uri: str, small: str, cipher: FieldCipher, clock: PositionClock
) -> None:
    """A sharded store takes rows that have the shard key, and updates of one row that name it."""
    queries: set[Query] = set()
    for use in BY_METHOD[method]:
        said = await recorded(use, mongodb_uri, small, cipher, clock)
        for sent in said.filters():
            queries.add(query_of(use, sent))
            assert not sent.is_of_one or key_of(sent.collection) <= sent.filter.keys()
        for collection, row in said.inserted():
            assert key_of(collection) <= row.keys()
    assert {each for each in listed() if each.method == method.__qualname__} == queries


def test_the_page_lists_no_method_that_there_is_not() -> None:
    assert {each.method for each in listed()} <= {method.__qualname__ for method in BY_METHOD}


def test_who_asks_all_shards_says_why() -> None:
    for query, why in listed().items():
        assert bool(why) == (query.asks == Routing.ALL), query


def test_unique_indexes_begin_with_the_shard_key() -> None:
    for index in INDEXES:
        if index.options.get("unique"):
            shard_key = tuple(SHARD_KEYS[index.collection])
            assert index.keys[: len(shard_key)] == shard_key


def test_every_shard_key_has_an_index_that_begins_with_it() -> None:
    """MongoDB makes those of hashed keys itself, and of no other ("Shard Key Indexes")."""
    for collection, key in SHARD_KEYS.items():
        if "hashed" not in key.values():
            begun = [index.keys[: len(key)] for index in INDEXES if index.collection == collection]
            assert tuple(key) in begun, collection


def test_the_collections_are_to_be_sharded_by_their_keys() -> None:
    said = re.findall(
        r'^sh\.shardCollection\("savenbite_notifications\.(\w+)", (.*)\)$',
        (DOCS / "scaling.md").read_text(),
        re.MULTILINE,
    )
    assert {collection: json.loads(key) for collection, key in said} == SHARD_KEYS
