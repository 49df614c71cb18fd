"""Uses of users, a share at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.segments import EVERYBODY, Segment
from storage.segments import SegmentsRepository
from tests.storage.filled.asked import KNOWN
from tests.storage.uses.use import Use, counted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from storage.stores import Stores

NGOS = Segment(user_types=("ngo",))


def some_of(segment: Segment) -> Callable[[Stores], Awaitable[int]]:
    return lambda stores: counted(stores.segments.range(segment, slot_from=7, slot_to=8))


USES = [
    Use(SegmentsRepository.range, some_of(EVERYBODY), ("slot",)),
    Use(SegmentsRepository.range, some_of(NGOS), ("user_type_slot",)),
    Use(SegmentsRepository.range, some_of(Segment(timezone="Asia/Tokyo")), ("timezone_slot",)),
    Use(
        SegmentsRepository.candidates,
        lambda stores: stores.segments.candidates(NGOS),
        ("user_type_slot",),
    ),
    Use(
        SegmentsRepository.candidates,
        lambda stores: stores.segment_previews.candidates(NGOS),
        ("user_type_slot",),
    ),
    Use(
        SegmentsRepository.range,
        lambda stores: counted(stores.segment_previews.range(EVERYBODY, slot_from=7, slot_to=8)),
        ("slot",),
    ),
    Use(SegmentsRepository.known, lambda stores: counted(stores.segments.known(KNOWN))),
]
