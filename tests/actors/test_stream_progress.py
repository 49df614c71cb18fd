from __future__ import annotations

import asyncio

from actors.stream_progress import StreamProgress

LONG_S = 60.0


async def test_who_waits_for_an_entry_is_called_once_it_is_handed_on() -> None:
    stream = StreamProgress()
    called: list[tuple[str, bool]] = []

    def wait(name: str, number: int, within_s: float = LONG_S) -> None:
        stream.when_handed_on(
            number, lambda is_handed_on: called.append((name, is_handed_on)), within_s=within_s
        )

    wait("nothing was told", -1)
    wait("second", 1)
    wait("first", 0)
    assert called == [("nothing was told", True)]
    stream.take(0)
    # It may be about whoever is asked about.
    assert len(called) == 1
    stream.hand_on()
    wait("first again", 0)
    assert called[1:] == [("first", True), ("first again", True)]
    stream.take(5)
    stream.hand_on()
    assert called[3:] == [("second", True)]


async def test_who_has_waited_long_enough_is_told_so() -> None:
    stream = StreamProgress()
    given_up: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    stream.when_handed_on(3, given_up.set_result, within_s=0.01)
    assert await given_up is False
    stream.take(3)
    stream.hand_on()
