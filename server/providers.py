"""Which business a provider acts for.

Errors: `NoBusiness`, and `BusinessNotFound` for one that no event has told of.
"""

from __future__ import annotations

from uuid import UUID

from server.auth import Principal
from storage.businesses import Business, BusinessesRepository


class NoBusiness(LookupError):
    """The provider's token names no business, and they own none."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__(f"no business of {user_id}")
        self.user_id = user_id


async def business_of(provider: Principal, businesses: BusinessesRepository) -> Business:
    """Return the business that the token names, else the one that the provider owns.

    Raises NoBusiness, BusinessNotFound.
    """
    if provider.business_id is not None:
        return await businesses.get(provider.business_id)
    owned = await businesses.find_owned(provider.user_id)
    if owned is None:
        raise NoBusiness(provider.user_id)
    return owned
