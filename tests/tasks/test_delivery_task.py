from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from rules.kinds import Channel
from storage.client import StoreUnavailable
from storage.deliveries import Ref
from tasks import delivery_task
from tasks.delivery_task import deliver_on
from tasks.queue import DeliveryRef
from tasks.runtime import LoopThread


class Recording:
    """A deliverer that remembers, and fails as it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.carried: dict[Channel, list[Ref]] = {}

    async def carry_out(self, channel: Channel, refs: list[Ref]) -> None:
        self.carried[channel] = list(refs)
        if self.error is not None:
            raise self.error


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread("test")
    loop.start()
    yield loop
    loop.stop()


def refs() -> list[DeliveryRef]:
    channels = (Channel.EMAIL, Channel.PUSH, Channel.EMAIL)
    return [DeliveryRef(channel, uuid4(), uuid4()) for channel in channels]


def test_a_chunk_is_carried_out_channel_by_channel(loop: LoopThread) -> None:
    deliverer, chunk = Recording(), refs()
    deliver_on(loop, deliverer)([ref.encode() for ref in chunk])  # type: ignore[arg-type]
    first, push, second = [(ref.recipient_id, ref.notification_id) for ref in chunk]
    assert deliverer.carried == {Channel.EMAIL: [first, second], Channel.PUSH: [push]}


@pytest.mark.parametrize("deadline_s", [30.0, 0.0])
def test_a_store_that_is_away_puts_the_chunk_off(
    loop: LoopThread, deadline_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_task, "CHUNK_DEADLINE_S", deadline_s)
    deliverer = Recording(StoreUnavailable("away"))
    with capture_logs() as logs:
        deliver_on(loop, deliverer)([ref.encode() for ref in refs()])  # type: ignore[arg-type]
    assert [(line["event"], line["deliveries"]) for line in logs] == [("delivery_put_off", 3)]


def test_any_other_failure_is_the_queues_to_log(loop: LoopThread) -> None:
    deliverer = Recording(LookupError("?"))
    with pytest.raises(LookupError):
        deliver_on(loop, deliverer)([ref.encode() for ref in refs()])  # type: ignore[arg-type]
