from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from huey import PriorityRedisHuey
from structlog.testing import capture_logs

from rules.kinds import Channel
from storage.embedded import EmbeddedRedis
from tasks import queue as queue_module
from tasks.queue import CRITICAL_PRIORITY, DeliveryQueue, DeliveryRef, open_huey
from tests.tasks.conftest import refs_of


def test_refs_survive_the_way_through_redis(huey: PriorityRedisHuey, queue: DeliveryQueue) -> None:
    refs = refs_of(2) + refs_of(1, Channel.SMS)
    assert queue.enqueue(refs) == 3
    (chunk,) = huey.dequeue().args
    assert [DeliveryRef.decode(encoded) for encoded in chunk] == refs


@pytest.mark.parametrize(
    "encoded",
    [("email", "x", str(uuid4())), ("fax", str(uuid4()), str(uuid4())), ("email", str(uuid4()))],
)
def test_what_is_no_ref_is_refused(encoded: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="."):
        DeliveryRef.decode(encoded)


def test_what_is_on_the_queue_is_json(huey: PriorityRedisHuey, queue: DeliveryQueue) -> None:
    (ref,) = refs_of(1)
    queue.enqueue([ref])
    (raw,) = huey.storage.enqueued_items()
    assert json.loads(raw)["task"]["args"] == [[list(ref.encode())]]


def test_a_task_is_a_chunk_of_a_hundred_at_most(
    huey: PriorityRedisHuey, queue: DeliveryQueue
) -> None:
    assert queue.enqueue(refs_of(250)) == 250
    assert queue.size() == 3
    assert [len(huey.dequeue().args[0]) for _ in range(3)] == [100, 100, 50]


def test_nothing_to_enqueue_is_nothing_on_the_queue(queue: DeliveryQueue) -> None:
    assert queue.enqueue([]) == 0
    assert queue.size() == 0


def test_the_urgent_overtakes(huey: PriorityRedisHuey, queue: DeliveryQueue) -> None:
    usual, urgent = refs_of(1), refs_of(1, Channel.SMS)
    queue.enqueue(usual)
    queue.enqueue(urgent, priority=10)
    assert [huey.dequeue().args[0][0][0] for _ in range(2)] == ["sms", "email"]


def test_a_full_queue_takes_what_it_has_room_for_and_warns_once(huey: PriorityRedisHuey) -> None:
    queue = DeliveryQueue(huey, max_queued_tasks=2)
    with capture_logs() as logs:
        assert queue.enqueue(refs_of(250)) == 200
        assert queue.enqueue(refs_of(1)) == 0
        assert queue.enqueue(refs_of(1), priority=CRITICAL_PRIORITY) == 1
    assert queue.size() == 3
    assert [(line["event"], line["left"]) for line in logs] == [("queue_full", 50)]


def test_a_redis_that_is_away_is_no_error_and_is_not_waited_for() -> None:
    queue = DeliveryQueue(open_huey("redis://127.0.0.1:1/0"))
    with capture_logs() as logs:
        assert [queue.enqueue(refs_of(1)) for _ in range(3)] == [0, 0, 0]
    assert [line["event"] for line in logs] == ["queue_away"]


def test_the_queue_is_used_again_once_redis_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "AWAY_FOR_S", 0.0)
    store = EmbeddedRedis(tmp_path)
    queue = DeliveryQueue(open_huey(store.start()))
    assert queue.enqueue(refs_of(1)) == 1
    store.stop()
    assert queue.enqueue(refs_of(1)) == 0
    store.start()
    assert queue.enqueue(refs_of(1)) == 1
    store.stop()


def test_a_process_that_only_queues_does_not_deliver(
    huey: PriorityRedisHuey, queue: DeliveryQueue
) -> None:
    queue.enqueue(refs_of(2))
    with pytest.raises(RuntimeError, match="2 deliveries"):
        huey.dequeue().execute()


def test_times_and_results_survive_the_serializer(huey: PriorityRedisHuey) -> None:
    task = huey.task(name="later")(lambda: None).s(expires=timedelta(hours=1))
    task.eta = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None)
    task.expires = None
    restored = huey.deserialize_task(huey.serialize_task(task))
    assert (restored.id, restored.eta) == (task.id, task.eta)
    huey.put("key", {"a": [1, None]})
    assert huey.get("key") == {"a": [1, None]}


def test_a_pipeline_is_refused_rather_than_garbled(huey: PriorityRedisHuey) -> None:
    step = huey.task(name="step")(lambda: None)
    with pytest.raises(TypeError):
        huey.serialize_task(step.s().then(step))
