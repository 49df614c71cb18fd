from __future__ import annotations

import time
from unittest.mock import Mock
from uuid import UUID

import pytest

from actors import peers as peers_module
from actors.only_here import RELIED_ON_FOR_S
from actors.peers import KNOWN_FOR_S, Peers
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
    now_s = 1_000.0
    monkeypatch.setattr(peers_module, "time", Mock(monotonic=lambda: now_s))
    peers = Peers(NOON)
    peers.know({"another#1"}, asked_at_s=now_s)
    known = [peers.may_be_relying(each) for each in ("another#1", "unknown#1")]
    # While it looks, anybody may be there.
    peers.doubt()
    known.append(peers.may_be_relying("unknown#1"))
    now_s += RELIED_ON_FOR_S / 2
    peers.know((), asked_at_s=now_s)
    known.append(peers.may_be_relying("another#1"))
    now_s += RELIED_ON_FOR_S / 2
    peers.know((), asked_at_s=now_s)
    known.append(peers.may_be_relying("another#1"))
    assert known == [True, False, True, True, False]


def test_who_relied_on_what_may_have_been_wrong_says_that_others_may_lack_something() -> None:
    peers = Peers(NOON)
    peers.join()
    peers.leave()
    assert peers.lost_since is None
    peers.join()
    peers.only_here.begin()
    peers.only_here.settle([UUID(int=1)])
    peers.leave()
    assert peers.lost_since == NOON
