"""An event of a business that is gone, or was never known, is told to nobody."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from actors.flows.audiences import Audiences
from actors.flows.business_changes import BusinessProfileChanged
from actors.flows.business_updates import BusinessUpdatePosted
from storage.stores import Stores
from tests.storage.samples import NOON, an_event


@pytest.mark.parametrize("flow", [BusinessProfileChanged, BusinessUpdatePosted])
async def test_there_is_nobody_to_tell(flow: type[Any], stores: Stores) -> None:
    event = an_event(data={"business_id": str(uuid4())}).stored(NOON)
    assert await flow(stores.businesses, Audiences(stores)).plan(event) is None
