from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from rules.deliveries import SENDING_CHANNELS
from rules.kinds import Channel
from storage.embedded_redis import EmbeddedRedis
from tasks import queue as queue_module
from tasks.hueys import SOCKET_TIMEOUT_S, Hueys, open_hueys
from tasks.queue import DeliveryQueue, DeliveryRef, Priority
from tests.tasks.conftest import encoded, queued, refs_of


def test_each_channel_has_a_queue_of_its_own(hueys: Hueys, queue: DeliveryQueue) -> None:
    mails, texts = refs_of(2), refs_of(1, Channel.SMS)
    assert queue.enqueue([mails[0], *texts, mails[1]]) == 3
    assert queued(hueys, Channel.EMAIL) == mails
    assert queued(hueys, Channel.SMS) == texts
    assert [queue.size(channel) for channel in SENDING_CHANNELS] == [1, 0, 1]


@pytest.mark.parametrize("unread", [("x", str(uuid4())), (str(uuid4()),)])
def test_what_is_no_ref_is_refused(unread: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="."):
        DeliveryRef.decode(Channel.EMAIL, unread)


def test_what_is_on_the_queue_is_json(hueys: Hueys, queue: DeliveryQueue) -> None:
    (ref,) = refs_of(1)
    queue.enqueue([ref])
    (raw,) = hueys.of[Channel.EMAIL].usual.storage.enqueued_items()
    assert json.loads(raw)["task"]["args"] == [[list(encoded(ref))]]


def test_a_task_is_a_chunk_of_a_hundred_at_most(hueys: Hueys, queue: DeliveryQueue) -> None:
    assert queue.enqueue(refs_of(250)) == 250
    assert queue.size(Channel.EMAIL) == 3
    usual = hueys.of[Channel.EMAIL].usual
    assert [len(usual.dequeue().args[0]) for _ in range(3)] == [100, 100, 50]


def test_nothing_to_enqueue_is_nothing_on_the_queue(queue: DeliveryQueue) -> None:
    assert queue.enqueue([]) == 0
    assert queue.size(Channel.EMAIL) == 0


def test_what_is_critical_is_taken_first_then_what_a_dead_worker_had_and_campaigns_last(
    hueys: Hueys, queue: DeliveryQueue
) -> None:
    campaign, usual, recovered, critical = (refs_of(1) for _ in range(4))
    queue.enqueue(campaign, priority=Priority.CAMPAIGN)
    queue.enqueue(usual)
    queue.enqueue(recovered, priority=Priority.RECOVERED)
    queue.enqueue(critical, priority=Priority.CRITICAL)
    taken = [hueys.of[Channel.EMAIL].usual.dequeue().args[0] for _ in range(4)]
    assert taken == [[list(encoded(ref))] for ref in (*critical, *recovered, *usual, *campaign)]
    assert hueys.of[Channel.EMAIL].usual.dequeue() is None


def test_who_reads_what_is_critical_is_given_nothing_else(
    hueys: Hueys, queue: DeliveryQueue
) -> None:
    queue.enqueue(refs_of(1))
    assert hueys.of[Channel.EMAIL].critical.dequeue() is None
    queue.enqueue(refs_of(1), priority=Priority.CRITICAL)
    assert hueys.of[Channel.EMAIL].critical.dequeue() is not None


def test_what_is_on_a_queue_is_counted_down_to_a_priority(queue: DeliveryQueue) -> None:
    for priority in Priority:
        queue.enqueue(refs_of(1), priority=priority)
    assert queue.size(Channel.EMAIL) == 4
    assert queue.size(Channel.EMAIL, down_to=Priority.USUAL) == 3


def test_campaigns_leave_half_of_a_queue_to_others(hueys: Hueys) -> None:
    queue = DeliveryQueue(hueys, max_queued_tasks=4)
    assert queue.enqueue(refs_of(400), priority=Priority.CAMPAIGN) == 200
    assert queue.enqueue(refs_of(400)) == 200


def test_a_full_queue_takes_what_it_has_room_for_and_warns_once(hueys: Hueys) -> None:
    queue = DeliveryQueue(hueys, max_queued_tasks=2)
    with capture_logs() as logs:
        assert queue.enqueue(refs_of(250)) == 200
        assert queue.enqueue(refs_of(1)) == 0
        assert queue.enqueue(refs_of(1), priority=Priority.CRITICAL) == 1
        assert queue.enqueue(refs_of(1), priority=Priority.RECOVERED) == 1
        assert queue.enqueue(refs_of(1, Channel.PUSH)) == 1
    assert queue.size(Channel.EMAIL) == 4
    assert [(line["event"], line["channel"], line["left"]) for line in logs] == [
        ("queue_full", "email", 50)
    ]


def test_a_redis_that_is_away_is_no_error_and_is_not_waited_for() -> None:
    queue = DeliveryQueue(open_hueys("redis://127.0.0.1:1/0"))
    with capture_logs() as logs:
        assert [queue.enqueue(refs_of(1)) for _ in range(3)] == [0, 0, 0]
    assert [line["event"] for line in logs] == ["queue_away"]


def test_the_queue_is_used_again_once_redis_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "AWAY_FOR_S", 0.0)
    store = EmbeddedRedis(tmp_path)
    queue = DeliveryQueue(open_hueys(store.start()))
    assert queue.enqueue(refs_of(1)) == 1
    store.stop()
    assert queue.enqueue(refs_of(1)) == 0
    store.start()
    assert queue.enqueue(refs_of(1)) == 1
    store.stop()


def test_a_process_that_only_queues_does_not_deliver(hueys: Hueys, queue: DeliveryQueue) -> None:
    queue.enqueue(refs_of(2))
    with pytest.raises(RuntimeError, match="2 deliveries"):
        hueys.of[Channel.EMAIL].usual.dequeue().execute()


def test_times_and_results_survive_the_serializer(hueys: Hueys) -> None:
    huey = hueys.of[Channel.EMAIL].usual
    task = huey.task(name="later")(lambda: None).s(expires=timedelta(hours=1))
    task.eta = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None)
    task.expires = None
    restored = huey.deserialize_task(huey.serialize_task(task))
    assert (restored.id, restored.eta) == (task.id, task.eta)
    huey.put("key", {"a": [1, None]})
    assert huey.get("key") == {"a": [1, None]}


def test_a_pipeline_is_refused_rather_than_garbled(hueys: Hueys) -> None:
    huey = hueys.of[Channel.EMAIL].usual
    step = huey.task(name="step")(lambda: None)
    with pytest.raises(TypeError):
        huey.serialize_task(step.s().then(step))


def test_a_read_of_a_queue_that_times_out_has_found_nothing(hueys: Hueys) -> None:
    usual = hueys.of[Channel.EMAIL].usual
    # Redis waits for longer than the client does.
    usual.storage.read_timeout = SOCKET_TIMEOUT_S + 5
    assert usual.dequeue() is None
