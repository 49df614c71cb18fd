"""Uses of what is known about businesses."""

from __future__ import annotations

from storage.businesses import BusinessChange, BusinessesRepository
from tests.storage.filled.asked import BAKER, BAKERY, DAIRY, KNOWN
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted, counted_in_parts

USES = [
    Use(
        BusinessesRepository.apply,
        lambda stores: stores.businesses.apply([BusinessChange(BAKERY, {"name": "x"}, NOON)]),
    ),
    Use(BusinessesRepository.find, lambda stores: stores.businesses.find(KNOWN[0])),
    Use(BusinessesRepository.get, lambda stores: stores.businesses.get(KNOWN[0])),
    Use(BusinessesRepository.known, lambda stores: counted(stores.businesses.known(KNOWN))),
    Use(
        BusinessesRepository.find_owned,
        lambda stores: stores.businesses.find_owned(BAKER),
        ("owner",),
    ),
    Use(
        BusinessesRepository.exported,
        lambda stores: counted_in_parts(stores.businesses.exported(BAKER)),
        ("owner",),
    ),
    Use(
        BusinessesRepository.find_many,
        lambda stores: counted(stores.businesses.find_many(KNOWN)),
    ),
    Use(
        BusinessesRepository.count_followers,
        lambda stores: stores.businesses.count_followers({DAIRY: 1, KNOWN[1]: 1}),
    ),
    Use(
        BusinessesRepository.followers_count,
        lambda stores: stores.businesses.followers_count(BAKERY),
    ),
    Use(
        BusinessesRepository.correct_followers_count,
        lambda stores: stores.businesses.correct_followers_count(KNOWN[1], 1, revision=5),
        restore=lambda database: database["businesses"].update_one(
            {"_id": KNOWN[1]}, {"$set": {"followers_revision": 5}}
        ),
    ),
]
