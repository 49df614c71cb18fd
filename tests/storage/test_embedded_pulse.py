from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import bson
import pytest

from storage.embedded import EmbeddedMongo, EmbeddedServer
from storage.embedded_pulse import Pulse
from storage.embedded_redis import EmbeddedRedis

WITHIN_S = 60.0
BODY = struct.pack("<iB", 0, 0) + bson.encode({"cursor": {"firstBatch": []}, "ok": 1.0})
REFUSED = struct.pack("<iB", 0, 0) + bson.encode({"ok": 0.0, "code": 112})
REFUSALS = {
    EmbeddedMongo: struct.pack("<iiii", 16 + len(REFUSED), 1, 1, 2013) + REFUSED,
    EmbeddedRedis: b"-BUSY Valkey is busy running a script.\r\n",
}
ANSWERS = {
    EmbeddedMongo: struct.pack("<iiii", 16 + len(BODY), 1, 1, 2013) + BODY,
    EmbeddedRedis: b"+PONG\r\n",
}


class Peer:
    """A store's port, where the test itself answers."""

    def __init__(self, listening: socket.socket, kind: type[EmbeddedServer]) -> None:
        self.pulse = Pulse(listening.getsockname()[1], kind.question, kind.is_whole)
        self.answer = ANSWERS[kind]
        self.refusal = REFUSALS[kind]
        self._kind = kind
        self._listening = listening
        self._connection: socket.socket | None = None

    def is_asked(self) -> None:
        """Take the connection by which the question comes, and read it."""
        self.hang_up()
        self._connection, _ = self._listening.accept()
        self._connection.settimeout(WITHIN_S)
        assert self._connection.recv(len(self._kind.question)) == self._kind.question

    def say(self, piece: bytes) -> None:
        assert self._connection is not None
        self._connection.sendall(piece)

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@pytest.fixture(params=[EmbeddedMongo, EmbeddedRedis], ids=["mongodb", "redis"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(WITHIN_S)
        peer = Peer(listening, request.param)
        yield peer
        peer.pulse.close()
        peer.hang_up()


def test_an_answer_is_seen_once_it_is_whole_and_the_next_look_asks_again(peer: Peer) -> None:
    for _ in range(2):
        assert not peer.pulse.beats()
        peer.is_asked()
        for place in range(len(peer.answer) - 1):
            peer.say(peer.answer[place : place + 1])
            assert not peer.pulse.beats(within_s=0.001)
        peer.say(peer.answer[-1:])
        assert peer.pulse.beats(within_s=WITHIN_S)


def test_who_refuses_has_answered_and_is_asked_again(peer: Peer) -> None:
    for _ in range(2):
        assert not peer.pulse.beats()
        peer.is_asked()
        peer.say(peer.refusal)
        assert peer.pulse.beats(within_s=WITHIN_S)


def test_who_hangs_up_has_not_answered_and_is_asked_again(peer: Peer) -> None:
    assert not peer.pulse.beats()
    peer.is_asked()
    peer.say(peer.answer[:-1])
    peer.hang_up()
    while peer.pulse._connection is not None:
        assert not peer.pulse.beats(within_s=WITHIN_S)
    assert not peer.pulse.beats()
    peer.is_asked()
    peer.say(peer.answer)
    assert peer.pulse.beats(within_s=WITHIN_S)


def test_who_is_not_there_has_not_answered() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        pulse = Pulse(nobody.getsockname()[1], b"?", bool)
        assert not pulse.beats(within_s=WITHIN_S)
        assert not pulse.beats(within_s=WITHIN_S)
        pulse.close()


def test_what_was_asked_may_be_given_up(peer: Peer) -> None:
    assert not peer.pulse.beats()
    peer.is_asked()
    peer.pulse.close()
    peer.pulse.close()
    assert not peer.pulse.beats()
    peer.is_asked()
    peer.say(peer.answer)
    assert peer.pulse.beats(within_s=WITHIN_S)
