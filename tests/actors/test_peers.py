from __future__ import annotations

import time

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
