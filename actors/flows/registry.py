"""Which flow carries out which type of event."""

from __future__ import annotations

from collections.abc import Iterable

from actors.fan_out_lane import FanOutFlow
from actors.flows.business_updates import BusinessUpdatePosted
from actors.flows.listings import ListingCreated
from actors.flows.profiles import BusinessProfiles, ReadModelFlow, UserProfiles
from storage.names import NameResolver
from storage.stores import Stores


def read_model_flows(stores: Stores, resolvers: Iterable[NameResolver]) -> dict[str, ReadModelFlow]:
    """Return the flows of the lane `single`; `resolvers` forget the names that change."""
    resolvers = tuple(resolvers)
    users = UserProfiles(stores.users, resolvers)
    businesses = BusinessProfiles(stores.businesses, resolvers)
    return {
        "user.registered": users,
        "user.updated": users,
        "business.created": businesses,
        "business.updated": businesses,
    }


def fan_out_flows(stores: Stores) -> dict[str, FanOutFlow]:
    """Return the flows of the lane `fan_out`."""
    return {
        "listing.created": ListingCreated(stores.businesses),
        "business_update.posted": BusinessUpdatePosted(stores.businesses),
    }
