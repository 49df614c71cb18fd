from __future__ import annotations

import time
from unittest.mock import Mock
from uuid import UUID

import pytest

from actors import peers as peers_module
from actors.only_here import RELIED_ON_FOR_S
from actors.peers import KNOWN_FOR_S, Peers
from storage.registrations import Registered
from tests.storage.samples import NOON, SECOND


def test_it_is_alone_for_as_long_as_nobody_can_have_joined_unseen() -> None:
    peers = Peers(NOON)
    alone = [peers.are_none]
    peers.know((), asked_at_s=time.monotonic())
    alone.append(peers.are_none)
    peers.doubt()
    alone.append(peers.are_none)
    peers.know((), asked_at_s=time.monotonic() - KNOWN_FOR_S)
    alone.append(peers.are_none)
    peers.know({"another#1"}, asked_at_s=time.monotonic())
    alone.append(peers.are_none)
    assert alone == [False, True, False, False, False]


def test_what_was_told_only_grows_and_what_was_lost_began_at_the_first_loss() -> None:
    peers = Peers(NOON)
    peers.tell_until(NOON + SECOND)
    peers.tell_until(NOON)
    assert peers.told_until == NOON + SECOND
    peers.lose(NOON + SECOND)
    peers.lose(NOON + 2 * SECOND)
    assert peers.lost_since == NOON + SECOND
    peers.lose(NOON)
    assert peers.lost_since == NOON


def test_one_that_has_gone_may_rely_on_what_it_knows_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Mock(return_value=1_000.0)
    monkeypatch.setattr(peers_module, "time", Mock(monotonic=clock))
    peers = Peers(NOON)

    def look(*others: str) -> bool:
        peers.know(others, asked_at_s=clock())
        return peers.may_be_relying("another#1")

    assert not look()
    # While it looks, anybody may be there.
    peers.doubt()
    assert peers.may_be_relying("another#1")
    assert look("another#1")
    # It may have been there until just before others took it off.
    clock.return_value += RELIED_ON_FOR_S
    assert look()
    clock.return_value += RELIED_ON_FOR_S / 2
    assert look()
    clock.return_value += RELIED_ON_FOR_S / 2
    assert not look()


def test_others_may_lack_something_when_redis_has_forgotten_one_who_relied_on_it() -> None:
    peers = Peers(NOON)
    peers.join()
    peers.know((), asked_at_s=time.monotonic())
    peers.stream.read_at_s = time.monotonic()
    peers.was_forgotten()
    assert peers.lost_since is None
    peers.only_here.begin()
    peers.only_here.settle({UUID(int=1): Registered(True, [])})
    assert peers.only_here.has_all([UUID(int=1)])
    peers.leave()
    assert peers.lost_since is None
    peers.was_forgotten()
    assert peers.lost_since == NOON
