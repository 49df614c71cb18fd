"""A failed event is tried again soon, then ever later, and is given up in the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from actors.retry import ATTEMPTS, RETRY_AFTER, Retry
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import OURS, an_event


@pytest.mark.parametrize("attempts", range(ATTEMPTS))
async def test_each_failure_puts_an_event_off_for_longer_until_it_is_given_up(
    attempts: int, stores: Stores, clock: PositionClock
) -> None:
    new = an_event(lease=OURS)
    await stores.events.accept([new], accepted_at=clock.store_now())
    event = replace(new.stored(clock.store_now()), attempts=attempts)
    before = clock.store_now()
    await Retry(stores.events, clock, OURS).put_off(event, LookupError("not there"))
    after = clock.store_now()
    row = await stores.events._events.find_one({"_id": new.key})
    assert row is not None
    assert row["error"] == "LookupError"
    if attempts == ATTEMPTS - 1:
        assert row["state"] == "failed"
        assert "retry_at" not in row
    else:
        assert row["pending_owner"] == ""
        assert before <= row["retry_at"] - RETRY_AFTER[attempts] <= after


async def test_what_only_waits_is_an_error_once_it_is_given_up(
    stores: Stores, clock: PositionClock
) -> None:
    new = an_event(lease=OURS)
    await stores.events.accept([new], accepted_at=clock.store_now())
    waiting = new.stored(clock.store_now())
    retry = Retry(stores.events, clock, OURS)
    with capture_logs() as lines:
        await retry.wait(
            replace(waiting, attempts=ATTEMPTS - 1), LookupError("Thandi is not there")
        )
    levels = [(line["event"], line["log_level"]) for line in lines]
    assert levels == [("event_waits", "info"), ("event_given_up", "error")]
    assert "Thandi" not in str(lines)


def test_waits_grow() -> None:
    assert list(RETRY_AFTER) == sorted(set(RETRY_AFTER))
