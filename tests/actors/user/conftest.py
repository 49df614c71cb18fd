"""The actor that the tests of this package ask."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.stores import Stores
from tests.actors.user.home import SOON_S, Home


@pytest.fixture
async def home(stores: Stores) -> AsyncIterator[Home]:
    made = Home(stores)
    yield made
    for ref in made.refs:
        await ref.stop_and_wait(deadline_s=SOON_S)
