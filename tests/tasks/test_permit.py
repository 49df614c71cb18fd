from __future__ import annotations

import asyncio
import threading
import time

import pytest

from tasks.ending import Ending
from tasks.permit import Permit, PermitExpired


def test_a_permit_holds_until_its_moment() -> None:
    now_s = 10.0
    permit = Permit(15.0, clock=lambda: now_s)
    permit.check()
    now_s = 15.0
    with pytest.raises(PermitExpired):
        permit.check()


def test_a_permit_can_be_asked_about_a_later_moment() -> None:
    permit = Permit(15.0, clock=lambda: 10.0)
    permit.check(after_s=4.9)
    with pytest.raises(PermitExpired):
        permit.check(after_s=5.0)


def test_a_permit_is_over_once_it_is_ended() -> None:
    ending = Ending()
    permit = Permit(15.0, clock=lambda: 10.0, ending=ending)
    permit.check()
    ending.come()
    with pytest.raises(PermitExpired):
        permit.check()


async def test_what_waits_for_longer_than_a_permit_lasts_is_cut_short() -> None:
    permit = Permit(time.monotonic() + 0.05)
    with pytest.raises(PermitExpired):
        async with permit.lasting():
            await asyncio.Event().wait()


async def test_what_waits_is_cut_short_by_the_end_in_another_thread() -> None:
    ending = Ending()
    permit, other = Permit(float("inf"), ending=ending), Permit(float("inf"), ending=ending)
    is_waiting = asyncio.Event()

    async def wait() -> None:
        async with permit.lasting():
            is_waiting.set()
            await asyncio.Event().wait()

    async with other.lasting():
        pass
    waiting = asyncio.create_task(wait())
    await is_waiting.wait()
    teller = threading.Thread(target=ending.come)
    teller.start()
    with pytest.raises(PermitExpired):
        await asyncio.wait_for(waiting, 30)
    teller.join()
    with pytest.raises(PermitExpired):
        async with permit.lasting():
            pass
