"""When sockets are pinged, found silent or stalled, and let go; the time is passed in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from actors.connection import CloseCode
from server.hub import SILENT, STALLED, Hub
from server.socket_limits import SocketLimits


@dataclass(eq=False)
class Peer:
    """A socket whose peer does as it is told."""

    hub: Hub
    answers: bool = True
    heard_at_s: float = 0.0
    is_closing: bool = False
    unsent_bytes: int = 0
    taken_bytes: int = 0
    probed_at_s: list[float] = field(default_factory=list)
    closed_with: tuple[CloseCode, str | None] | None = None
    cut_because: str | None = None
    cut_at_s: float | None = None
    leaves_when_closed: bool = False

    def probe(self) -> None:
        self.probed_at_s.append(self.hub.now_s)
        if self.answers:
            self.heard_at_s = self.hub.now_s

    def close(self, code: CloseCode, reason: str | None = None) -> None:
        self.is_closing = True
        self.closed_with = (code, reason)
        if self.leaves_when_closed:
            self.hub.leave(self)

    @property
    def is_cut(self) -> bool:
        return self.cut_at_s is not None

    def cut(self, why: str | None) -> None:
        self.cut_because, self.cut_at_s = why, self.hub.now_s
        self.is_closing = True
        self.hub.leave(self)


@pytest.fixture
async def hub() -> Hub:
    """Have the numbers of the contract."""
    return Hub(SocketLimits())


def joined(hub: Hub, count: int = 1, *, answers: bool = True) -> list[Peer]:
    peers = [Peer(hub, answers) for _ in range(count)]
    for peer in peers:
        hub.join(peer)
    return peers


def run(hub: Hub, until_s: float, *, step_s: float = 1.0) -> None:
    """Look every `step_s` until the hub's clock shows `until_s`."""
    hub.look(hub.now_s)
    while hub.now_s < until_s:
        hub.look(hub.now_s + step_s)


def test_the_numbers_are_the_contracts() -> None:
    limits = SocketLimits()
    assert (limits.connections_per_user, limits.messages_per_minute) == (10, 60)
    assert (limits.ping_every_s, limits.silent_for_s, limits.stalled_for_s) == (30, 60, 10)
    whole_s = limits.stalled_for_s + limits.cut_after_s + 2 * limits.look_every_s
    assert whole_s < 15, "a socket whose reader sleeps is gone within 15 s"


async def test_every_socket_is_pinged_every_thirty_seconds(hub: Hub) -> None:
    peers = joined(hub, 45)
    run(hub, 120)
    for peer in peers:
        first = peer.probed_at_s[0]
        assert first <= 30
        assert peer.probed_at_s == [first + 30 * number for number in range(4)]
    assert not any(peer.is_closing for peer in peers)


async def test_those_who_come_at_once_are_pinged_one_slot_after_another(hub: Hub) -> None:
    peers = joined(hub, 300)
    run(hub, 30)
    at_s = [peer.probed_at_s for peer in peers]
    assert {times[0] for times in at_s} == set(range(1, 31))
    assert all(at_s.count([second]) == 10 for second in range(1, 31))


@pytest.mark.parametrize("last_heard_s", [0.0, 0.4, 12.0, 29.9, 30.0, 30.5])
async def test_who_falls_silent_is_cut_a_minute_later(hub: Hub, last_heard_s: float) -> None:
    """Wherever in the round it was heard last, half-open peers are gone within 60 s."""
    (peer,) = joined(hub, answers=False)
    run(hub, int(last_heard_s))
    peer.heard_at_s = last_heard_s
    run(hub, 100)
    assert peer.cut_because == SILENT
    assert peer.cut_at_s is not None
    assert 60 <= peer.cut_at_s - last_heard_s < 61
    assert len(hub) == 0


async def test_who_answers_late_stays(hub: Hub) -> None:
    (peer,) = joined(hub, answers=False)
    for late in range(1, 6):
        run(hub, late * 59)
        peer.heard_at_s = hub.now_s
    assert peer.cut_because is None
    assert hub._uneasy.keys() == {peer}
    peer.answers = True
    run(hub, 340)
    assert not hub._uneasy, "who is heard again is left in peace"


async def test_any_sign_of_life_will_do(hub: Hub) -> None:
    (peer,) = joined(hub, answers=False)
    for second in range(300):
        run(hub, second)
        if second % 20 == 0:
            peer.heard_at_s = hub.now_s
    assert peer.cut_because is None


async def test_time_in_which_the_process_did_not_run_counts_for_nobody(hub: Hub) -> None:
    peers = joined(hub, 60)
    run(hub, 10)
    hub.look(hub.now_s + 3_600)
    assert hub.now_s == 13
    assert not any(peer.cut_because for peer in peers)
    assert sum(len(peer.probed_at_s) for peer in peers) == 26, "and they are not pinged in a heap"


async def test_a_late_look_pings_whose_turn_was_missed(hub: Hub) -> None:
    peers = joined(hub, 30)
    run(hub, 60, step_s=2.5)
    assert all(len(peer.probed_at_s) == 2 for peer in peers)


async def test_a_reader_who_takes_nothing_for_ten_seconds_is_closed_and_then_cut(hub: Hub) -> None:
    (peer,) = joined(hub)
    run(hub, 5)
    peer.unsent_bytes = 100_000
    hub.watch(peer)
    run(hub, 14)
    assert not peer.is_closing
    run(hub, 16)
    assert peer.closed_with == (CloseCode.SLOW_READER, STALLED)
    assert peer.cut_at_s is None, "what can still get out gets its chance"
    run(hub, 17)
    assert peer.cut_because == STALLED
    assert len(hub) == 0
    assert not hub._uneasy


async def test_a_slow_reader_who_takes_something_stays(hub: Hub) -> None:
    (peer,) = joined(hub)
    peer.unsent_bytes = 100_000
    hub.watch(peer)
    for second in range(9, 200, 9):
        run(hub, second)
        peer.taken_bytes += 1
    assert peer.closed_with is None
    peer.unsent_bytes = 0
    run(hub, 201)
    assert not hub._uneasy
    run(hub, 300)
    assert not peer.is_closing


async def test_who_has_taken_all_begins_anew_the_next_time(hub: Hub) -> None:
    (peer,) = joined(hub)
    peer.unsent_bytes = 1
    hub.watch(peer)
    run(hub, 9)
    peer.unsent_bytes = 0
    run(hub, 10)
    peer.unsent_bytes = 1
    hub.watch(peer)
    run(hub, 19)
    hub.watch(peer)
    assert peer.closed_with is None
    run(hub, 20)
    assert peer.closed_with == (CloseCode.SLOW_READER, STALLED)


async def test_who_was_silent_has_ten_seconds_from_when_something_is_unsent(hub: Hub) -> None:
    """Though it has been looked after, and has taken nothing, for longer."""
    (peer,) = joined(hub, answers=False)
    run(hub, 45)
    assert hub._uneasy.keys() == {peer}
    peer.unsent_bytes = 1
    hub.watch(peer)
    run(hub, 54)
    assert not peer.is_closing
    run(hub, 56)
    assert peer.closed_with == (CloseCode.SLOW_READER, STALLED)


async def test_what_a_ping_finds_unsent_is_watched(hub: Hub) -> None:
    (peer,) = joined(hub)
    peer.unsent_bytes = 2
    run(hub, 45)
    assert peer.closed_with == (CloseCode.SLOW_READER, STALLED)


async def test_who_is_being_closed_may_take_its_time_as_long_as_it_reads(hub: Hub) -> None:
    (peer,) = joined(hub)
    peer.unsent_bytes = 100_000
    hub.watch(peer)
    peer.close(CloseCode.SLOW_READER)
    for second in range(1, 10):
        run(hub, second)
        peer.taken_bytes += 1
    assert peer.cut_because is None
    run(hub, 13)
    assert peer.cut_because == STALLED


async def test_who_is_being_closed_is_not_pinged(hub: Hub) -> None:
    (peer,) = joined(hub)
    peer.close(CloseCode.UNAUTHORIZED)
    run(hub, 120)
    assert (peer.probed_at_s, peer.cut_because) == ([], None)


async def test_who_left_is_forgotten_whatever_is_said_of_them(hub: Hub) -> None:
    (peer,) = joined(hub)
    peer.unsent_bytes = 1
    hub.watch(peer)
    hub.leave(peer)
    hub.leave(peer)
    hub.watch(peer)
    run(hub, 120)
    assert (len(hub), peer.probed_at_s, peer.is_closing) == (0, [], False)


async def test_all_are_let_go_and_who_does_not_answer_is_cut(hub: Hub) -> None:
    polite, rude = (joined(hub, 250, answers=True), joined(hub, 3))
    for peer in polite:
        peer.leaves_when_closed = True
    async with asyncio.timeout(30):
        await hub.drain(within_s=0.05)
    for peer in (*polite, *rude):
        assert peer.closed_with == (CloseCode.SERVER_RESTARTING, None)
    assert not any(peer.is_cut for peer in polite)
    assert all(peer.is_cut for peer in rude)
    assert len(hub) == 0


async def test_who_comes_meanwhile_is_let_go_as_well(hub: Hub) -> None:
    await hub.drain(within_s=0)
    (late,) = joined(hub)
    assert late.closed_with == (CloseCode.SERVER_RESTARTING, None)
    assert len(hub) == 1


async def test_who_is_being_closed_already_keeps_its_code(hub: Hub) -> None:
    (peer,) = joined(hub)
    peer.close(CloseCode.UNAUTHORIZED)
    await hub.drain(within_s=0)
    assert peer.closed_with == (CloseCode.UNAUTHORIZED, None)
    assert peer.is_cut
