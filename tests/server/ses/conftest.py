from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.service import Service
from tests.server.ses.mails import Mail
from tests.support.api import Api
from tests.support.peers.sns import TOPIC, SnsPeer, sns_peer
from tests.support.service import running


@pytest.fixture(scope="module")
async def sns() -> AsyncIterator[SnsPeer]:
    async with sns_peer() as peer:
        yield peer


@pytest.fixture(autouse=True)
def sns_is_well(sns: SnsPeer) -> None:
    sns.instead = None
    sns.confirmed.clear()


@pytest.fixture(scope="module")
async def service(
    mongodb_uri: str, redis_url: str, database_name: str, sns: SnsPeer
) -> AsyncIterator[Service]:
    """Run one server process that is connected to SES."""
    url = f"ses://af-south-1?topic_arn={TOPIC}&sns_endpoint={sns.url}"
    async with running(mongodb_uri, redis_url, database_name, SNB_EMAIL_URL=url) as started:
        yield started


@pytest.fixture
async def sent(service: Service, api: Api) -> Mail:
    return await Mail(service, api).sent()
