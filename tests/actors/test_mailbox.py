from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import pytest

from actors.mailbox import Mailbox, MailboxFull, WrongThread
from tests.support.loop_actors import DEADLINE_S, Worker, start_worker


@dataclass
class Envelope:
    message: str


async def test_a_full_mailbox_refuses_all_but_the_stop() -> None:
    class Small(Worker):
        mailbox_limit: ClassVar[int] = 2

    worker, ref = start_worker(Small)
    ref.tell(1)
    ref.tell(2)
    with pytest.raises(MailboxFull) as raised:
        ref.tell(3)
    assert (raised.value.actor, raised.value.limit) == (str(ref), 2)
    with pytest.raises(MailboxFull):
        ref.ask(3, block=False)
    with pytest.raises(MailboxFull):
        await ref.request(3, deadline_s=DEADLINE_S)
    assert await ref.stop_and_wait(deadline_s=DEADLINE_S) is True
    assert worker.seen == [1, 2]


async def test_other_threads_are_refused() -> None:
    _, ref = start_worker()
    with pytest.raises(WrongThread) as raised:
        await asyncio.to_thread(ref.tell, "hello")
    assert raised.value.actor == str(ref)
    with pytest.raises(WrongThread):
        await asyncio.to_thread(ref.ask, "hello", block=False)


async def test_the_inbox_is_read_as_pykka_reads_it() -> None:
    _, ref = start_worker()
    assert ref.actor_inbox.empty()
    ref.tell("hello")
    assert not ref.actor_inbox.empty()
    assert ref.actor_inbox.get().message == "hello"
    with pytest.raises(IndexError):
        ref.actor_inbox.get()


def test_the_first_message_in_an_idle_mailbox_wakes_the_actor_and_the_next_do_not() -> None:
    wakes: list[str] = []
    mailbox: Mailbox[Envelope] = Mailbox(owner="test", limit=10, always_admitted=int)
    mailbox.put(Envelope("before it is open"))
    assert wakes == []
    mailbox.open(lambda: wakes.append("waited already"))
    mailbox.put(Envelope("while the actor is at work"))
    assert wakes == ["waited already"]
    mailbox.waiting.clear()
    mailbox.open(lambda: wakes.append("arrived"))
    mailbox.put(Envelope("first"))
    mailbox.put(Envelope("second"))
    assert wakes == ["waited already", "arrived"]


def test_a_closed_mailbox_lets_go_of_whom_it_woke() -> None:
    wakes: list[None] = []
    mailbox: Mailbox[Envelope] = Mailbox(owner="test", limit=10, always_admitted=int)
    mailbox.open(lambda: wakes.append(None))
    mailbox.close()
    mailbox.put(Envelope("too late"))
    assert mailbox.is_closed
    assert wakes == []
