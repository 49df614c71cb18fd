"""Counts of the days that are asked for, and of days long before."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from rules.days import A_DAY
from tests.storage.filled.asked import STATS_DAY
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    yield {"_id": "since", "day": "2020-01-01"}
    for n in count():
        yield {
            "_id": (STATS_DAY - n * A_DAY).isoformat(),
            "version": 3,
            "counted_at": NOON,
            "deliveries": [],
            "engagement": [],
            "engagement_by_channel": [],
            "opt_outs": [],
        }
