from __future__ import annotations

from uuid import uuid4

import pytest

from actors.messages import Click, CountUnread, Delete, Marked
from actors.pending_questions import NotAnswered, PendingQuestions, Sent
from actors.questions import Answer, Inquiry, Outcome
from storage.notifications import NotInInbox


async def test_a_question_is_settled_by_its_answer_once() -> None:
    pending, user_id = PendingQuestions(), uuid4()
    serial, future = pending.open(user_id, Click(uuid4()))
    pending.sent(serial, "left#1")
    assert serial in pending
    assert pending.find_sent(serial) == Sent(user_id, "left#1", 1)
    assert pending.take(Answer.of(serial, Marked(1, 2))) is None
    assert await future == Marked(1, 2)
    assert pending.take(Answer.of(serial, Marked(0, 2))) is None
    pending.refuse(serial, is_in_doubt=True)
    assert (len(pending), pending.find_sent(serial)) == (0, None)


async def test_of_what_nobody_waits_for_nothing_is_kept() -> None:
    pending = PendingQuestions()
    serial, _ = pending.open(uuid4(), CountUnread())
    pending.close(serial)
    pending.sent(serial, "left#1")
    assert pending.find_sent(serial) is None


async def test_what_the_inbox_does_not_show_is_said_to_be_missing() -> None:
    pending, clicked = PendingQuestions(), uuid4()
    serial, future = pending.open(uuid4(), Click(clicked))
    pending.take(Answer(serial, Outcome.MISSING))
    with pytest.raises(NotInInbox) as raised:
        await future
    assert raised.value.notification_id == clicked


@pytest.mark.parametrize(
    ("message", "outcome", "is_in_doubt"),
    [
        (CountUnread(), Outcome.UNDONE, False),
        (CountUnread(), Outcome.IN_DOUBT, True),
        (Delete(uuid4()), Outcome.MISSING, True),
        (CountUnread(), 99, True),
    ],
    ids=["undone", "in doubt", "missing, which nobody says of a deletion", "of a later version"],
)
async def test_what_was_not_done_for_certain_is_in_doubt(
    message: Inquiry, outcome: int, is_in_doubt: bool
) -> None:
    pending, user_id = PendingQuestions(), uuid4()
    serial, future = pending.open(user_id, message)
    assert pending.take(Answer(serial, outcome)) == (None if is_in_doubt else user_id)
    with pytest.raises(NotAnswered) as raised:
        await future
    assert raised.value.is_in_doubt is is_in_doubt


async def test_of_all_that_is_refused_what_was_sent_is_in_doubt() -> None:
    pending = PendingQuestions()
    (waiting, first), (sent, second) = (pending.open(uuid4(), CountUnread()) for _ in range(2))
    pending.sent(sent, "left#1")
    pending.refuse_all()
    doubts = [future.exception() for future in (first, second)]
    assert [getattr(each, "is_in_doubt", None) for each in doubts] == [False, True]
    assert waiting not in pending
    assert len(pending) == 0


async def test_it_is_known_which_process_has_answered_since_it_was_asked() -> None:
    pending = PendingQuestions()
    serials = [pending.open(uuid4(), CountUnread())[0] for _ in range(5)]
    for serial, process in zip(serials, ("left#1", "right#1", "left#1", "left#2"), strict=False):
        pending.sent(serial, process)
    left, right, _, later = (pending.find_sent(serial) for serial in serials[:4])
    assert left is not None
    assert right is not None
    assert later is not None
    assert not pending.has_answered_since(left)
    pending.take(Answer.of(serials[2], 1))
    assert pending.has_answered_since(left)
    assert not pending.has_answered_since(right)
    pending.sent(serials[4], "left#1")
    last = pending.find_sent(serials[4])
    assert last is not None
    assert not pending.has_answered_since(last)
    # What was heard before all that is still waited for is not kept.
    pending.close(serials[0])
    pending.close(serials[1])
    pending.close(serials[3])
    pending.sent(serials[4], "left#3")
    pending.take(Answer.of(serials[4], 1))
    assert not pending.has_answered_since(left)


async def test_whoever_has_gone_is_told_nothing() -> None:
    pending = PendingQuestions()
    (answered, first), (refused, second) = (pending.open(uuid4(), CountUnread()) for _ in "12")
    # Their tasks will only close the questions when it is their turn.
    first.cancel()
    second.cancel()
    pending.take(Answer.of(answered, 3))
    pending.refuse(refused, is_in_doubt=True)
    assert len(pending) == 0
    assert first.cancelled()
    assert second.cancelled()


async def test_what_one_process_owes_is_waited_for_no_more_when_the_way_to_it_is_lost() -> None:
    pending = PendingQuestions()
    asked = [pending.open(uuid4(), CountUnread()) for _ in range(3)]
    pending.sent(asked[0][0], "left#1", is_linked=True)
    pending.sent(asked[1][0], "left#1")
    pending.sent(asked[2][0], "right#1", is_linked=True)
    pending.refuse_linked("left#1")
    with pytest.raises(NotAnswered) as raised:
        await asked[0][1]
    assert raised.value.is_in_doubt
    assert [future.done() for _, future in asked] == [True, False, False]
