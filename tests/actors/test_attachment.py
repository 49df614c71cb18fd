"""What is announced to a new connection waits until it has caught up."""

from __future__ import annotations

import json
from uuid import UUID

from actors.attachment import MOST_HELD, Attachment
from tests.support.actors import RecordingConnection


def frame(name: object) -> bytes:
    return json.dumps({"type": str(name)}).encode()


def attached() -> tuple[Attachment, RecordingConnection]:
    connection = RecordingConnection()
    return Attachment(connection, 1), connection


def test_announcements_wait_for_the_answer_to_the_sync_and_leave_out_what_is_in_it() -> None:
    attachment, connection = attached()
    attachment.greet(frame("greeting"))
    for number in (1, 2):
        attachment.announce(UUID(int=number), frame(number))
    assert connection.types == ["greeting"]
    assert attachment.held_ids == {UUID(int=1), UUID(int=2)}
    attachment.catch_up(frame("sync"), frozenset({UUID(int=1)}), has_more=False)
    assert connection.types == ["greeting", "sync", "2"]
    attachment.announce(UUID(int=1), frame(1))
    attachment.announce(UUID(int=3), frame(3))
    assert connection.types == ["greeting", "sync", "2", "3"]
    assert attachment.held_ids == frozenset()


def test_what_has_no_place_among_the_announcements_does_not_wait_for_them() -> None:
    attachment, connection = attached()
    attachment.announce(UUID(int=1), frame(1))
    attachment.show(frame("follower"))
    assert connection.types == ["follower"]
    assert attachment.held_ids == {UUID(int=1)}


def test_any_other_frame_comes_after_what_is_held() -> None:
    attachment, connection = attached()
    attachment.announce(UUID(int=1), frame(1))
    attachment.send(frame("read"))
    assert connection.types == ["1", "read"]


def test_what_is_held_is_sent_once_the_time_is_over() -> None:
    attachment, connection = attached()
    attachment.announce(UUID(int=1), frame(1))
    attachment.release()
    attachment.release()
    assert connection.types == ["1"]


def test_only_so_much_is_held() -> None:
    attachment, connection = attached()
    for number in range(MOST_HELD):
        attachment.announce(UUID(int=number), frame(number))
    assert len(connection.frames) == MOST_HELD


def test_between_two_pages_nothing_that_is_announced_comes_in() -> None:
    attachment, connection = attached()
    attachment.catch_up(frame("page 1"), frozenset({UUID(int=1)}), has_more=True)
    for number in (1, 2, 3):
        attachment.announce(UUID(int=number), frame(number))
    attachment.send(frame("read"))
    assert connection.types == ["page 1", "read"]
    attachment.catch_up(frame("page 2"), frozenset({UUID(int=2)}), has_more=False)
    assert connection.types == ["page 1", "read", "page 2", "3"]


def test_a_connection_that_had_caught_up_holds_again_while_it_pages() -> None:
    attachment, connection = attached()
    attachment.release()
    attachment.catch_up(frame("page 1"), frozenset(), has_more=True)
    attachment.announce(UUID(int=1), frame(1))
    assert connection.types == ["page 1"]
    attachment.release()
    assert connection.types == ["page 1", "1"]
