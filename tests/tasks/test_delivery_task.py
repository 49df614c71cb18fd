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
from tasks.queue import DeliveryRef, EncodedRef
from tasks.runtime import LoopThread
from tests.tasks.conftest import encoded


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


def chunk_of(count: int) -> tuple[list[Ref], list[EncodedRef]]:
    refs = [DeliveryRef(Channel.EMAIL, uuid4(), uuid4()) for _ in range(count)]
    named = [(ref.recipient_id, ref.notification_id) for ref in refs]
    return named, [encoded(ref) for ref in refs]


def test_a_chunk_is_carried_out_on_its_channel(loop: LoopThread) -> None:
    deliverer, (refs, chunk) = Recording(), chunk_of(3)
    deliver_on(loop, deliverer)(Channel.PUSH, chunk)  # type: ignore[arg-type]
    assert deliverer.carried == {Channel.PUSH: refs}


@pytest.mark.parametrize("deadline_s", [30.0, 0.0])
def test_a_store_that_is_away_puts_the_chunk_off(
    loop: LoopThread, deadline_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_task, "CHUNK_DEADLINE_S", deadline_s)
    deliverer = Recording(StoreUnavailable("away"))
    with capture_logs() as logs:
        deliver_on(loop, deliverer)(Channel.SMS, chunk_of(3)[1])  # type: ignore[arg-type]
    assert [(line["event"], line["channel"], line["deliveries"]) for line in logs] == [
        ("delivery_put_off", "sms", 3)
    ]


def test_any_other_failure_is_the_queues_to_log(loop: LoopThread) -> None:
    deliverer = Recording(LookupError("?"))
    with pytest.raises(LookupError):
        deliver_on(loop, deliverer)(Channel.SMS, chunk_of(1)[1])  # type: ignore[arg-type]
