from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from rules.deliveries import SENDING_CHANNELS
from rules.kinds import Channel
from tasks.consumers import Consumers, shared_out
from tasks.hueys import Hueys
from tasks.queue import DeliveryQueue, EncodedRef, Priority
from tests.tasks.conftest import encoded, refs_of

DEADLINE_S = 30.0
ONE_EACH = dict.fromkeys(SENDING_CHANNELS, 1)


@pytest.mark.parametrize(
    ("threads", "shares"),
    [(1, (1, 1, 1)), (3, (1, 1, 1)), (5, (3, 1, 1)), (16, (9, 6, 1)), (64, (36, 23, 5))],
)
def test_threads_go_to_the_channels_that_have_most_places(
    threads: int, shares: tuple[int, ...]
) -> None:
    places = dict(zip(SENDING_CHANNELS, (100, 64, 16), strict=True))
    assert tuple(shared_out(threads, places).values()) == shares


class Chunks:
    """Carries out nothing: a chunk is held for as long as its channel is."""

    def __init__(self) -> None:
        self.begun: list[tuple[Channel, Sequence[EncodedRef]]] = []
        self.may_end = {channel: threading.Event() for channel in SENDING_CHANNELS}

    def carry_out(self, channel: Channel, chunk: Sequence[EncodedRef]) -> None:
        self.begun.append((channel, chunk))
        assert self.may_end[channel].wait(DEADLINE_S)

    def of(self, channel: Channel) -> int:
        return sum(begun is channel for begun, _ in self.begun)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline_s, "it did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def chunks() -> Chunks:
    return Chunks()


@pytest.fixture
def working(hueys: Hueys, chunks: Chunks) -> Iterator[DeliveryQueue]:
    """Run a thread for each channel, and one for what is critical, over `chunks`."""
    queue = DeliveryQueue(hueys, carry_out=chunks.carry_out)
    consumers = Consumers(hueys, ONE_EACH)
    consumers.start()
    consumers.check_health()
    yield queue
    for event in chunks.may_end.values():
        event.set()
    consumers.stop(within_s=DEADLINE_S)


def test_a_channel_whose_threads_are_all_held_holds_up_no_other(
    working: DeliveryQueue, chunks: Chunks
) -> None:
    for channel in (Channel.EMAIL, Channel.PUSH):
        chunks.may_end[channel].set()
    working.enqueue(refs_of(500, Channel.SMS))
    wait_until(lambda: chunks.of(Channel.SMS) == 1)
    working.enqueue([*refs_of(500, Channel.EMAIL), *refs_of(500, Channel.PUSH)])
    wait_until(lambda: (chunks.of(Channel.EMAIL), chunks.of(Channel.PUSH)) == (5, 5))
    assert chunks.of(Channel.SMS) == 1


def test_what_is_critical_finds_a_thread_while_others_hold_all_of_the_channel(
    working: DeliveryQueue, chunks: Chunks
) -> None:
    working.enqueue(refs_of(200, Channel.SMS))
    wait_until(lambda: chunks.of(Channel.SMS) == 1)
    (critical,) = refs_of(1, Channel.SMS)
    working.enqueue([critical], priority=Priority.CRITICAL)
    wait_until(lambda: chunks.of(Channel.SMS) == 2)
    assert [tuple(ref) for ref in chunks.begun[-1][1]] == [encoded(critical)]


def test_a_stop_waits_for_what_was_taken_and_takes_nothing_more(
    hueys: Hueys, chunks: Chunks
) -> None:
    queue = DeliveryQueue(hueys, carry_out=chunks.carry_out)
    consumers = Consumers(hueys, ONE_EACH)
    consumers.start()
    queue.enqueue(refs_of(300, Channel.PUSH))
    wait_until(lambda: chunks.of(Channel.PUSH) == 1)
    stopping = threading.Thread(target=consumers.stop, kwargs={"within_s": DEADLINE_S})
    stopping.start()
    wait_until(lambda: all(each.stop_flag.is_set() for each in consumers._consumers))
    assert stopping.is_alive()
    chunks.may_end[Channel.PUSH].set()
    stopping.join(DEADLINE_S)
    assert not stopping.is_alive()
    assert (chunks.of(Channel.PUSH), queue.size(Channel.PUSH)) == (1, 2)
