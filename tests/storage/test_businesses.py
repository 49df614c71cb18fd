from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from storage.businesses import Business, BusinessChange, BusinessNotFound, FollowersCount
from tests.storage.samples import MINUTE, NOON, a_business

if TYPE_CHECKING:
    from storage.stores import Stores


async def test_a_business_is_found_with_everything_that_was_said(stores: Stores) -> None:
    business_id, owner_id = uuid4(), uuid4()
    said = {"owner_id": str(owner_id), "name": "Corner Bakery", "logo": "l", "rating": 4.5}
    await stores.businesses.apply([BusinessChange(business_id, said, NOON)])
    assert await stores.businesses.get(business_id) == Business(
        id=business_id,
        owner_id=owner_id,
        name="Corner Bakery",
        logo="l",
        address=None,
        rating=4.5,
        followers_count=0,
    )


async def test_no_business_is_found_under_an_unknown_id(stores: Stores) -> None:
    business_id = uuid4()
    assert await stores.businesses.find(business_id) is None
    with pytest.raises(BusinessNotFound) as caught:
        await stores.businesses.get(business_id)
    assert caught.value.business_id == business_id


async def test_an_update_before_the_creation_is_kept(stores: Stores) -> None:
    business_id = uuid4()
    updated = BusinessChange(business_id, {"name": "$New", "logo": None}, NOON + MINUTE)
    await stores.businesses.apply([updated])
    created = {"owner_id": str(uuid4()), "name": "Old", "logo": "l", "address": "1 Main Rd"}
    await stores.businesses.apply([BusinessChange(business_id, created, NOON)])
    found = await stores.businesses.get(business_id)
    assert (found.name, found.logo, found.address) == ("$New", None, "1 Main Rd")


async def test_a_business_of_which_only_an_update_is_known_has_an_empty_name(
    stores: Stores,
) -> None:
    business_id = uuid4()
    await stores.businesses.apply([BusinessChange(business_id, {"owner_id": None}, NOON)])
    found = await stores.businesses.get(business_id)
    assert (found.name, found.owner_id) == ("", None)


async def test_no_changes_are_no_write(stores: Stores) -> None:
    business_id = uuid4()
    await stores.businesses.apply([])
    await stores.businesses.apply([BusinessChange(business_id, {}, NOON)])
    assert await stores.businesses.find(business_id) is None


async def test_an_unknown_field_is_refused(stores: Stores) -> None:
    with pytest.raises(ValueError, match="stars"):
        await stores.businesses.apply([BusinessChange(uuid4(), {"stars": 5}, NOON)])


async def test_many_are_found_at_once_and_the_unknown_is_absent(stores: Stores) -> None:
    first, second = await a_business(stores), await a_business(stores)
    assert (await stores.businesses.find_many({first, second, uuid4()})).keys() == {first, second}


async def test_a_count_is_corrected_only_if_nobody_changed_it_meanwhile(stores: Stores) -> None:
    businesses, business_id = stores.businesses, await a_business(stores)
    before = await businesses.followers_count(business_id)
    assert before == FollowersCount(0, None)
    assert await businesses.correct_followers_count(business_id, 5, revision=before.revision)
    assert not await businesses.correct_followers_count(business_id, 9, revision=before.revision)
    seen = await businesses.followers_count(business_id)
    await businesses.count_followers({business_id: 1})
    assert not await businesses.correct_followers_count(business_id, 9, revision=seen.revision)
    await businesses.count_followers({business_id: -1})
    assert (await businesses.get(business_id)).followers_count == 5


async def test_counting_for_an_unknown_business_makes_none(stores: Stores) -> None:
    business_id = uuid4()
    await stores.businesses.count_followers({business_id: 1})
    assert await stores.businesses.find(business_id) is None
    assert await stores.businesses.followers_count(business_id) == FollowersCount(0, None)
