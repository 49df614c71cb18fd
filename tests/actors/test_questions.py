"""What is asked and answered over the bus is understood as it was meant."""

from __future__ import annotations

import struct
from datetime import timedelta
from uuid import UUID

import pytest

from actors.count_ages import RECENT, RECOUNT_AFTER
from actors.messages import (
    Click,
    CountInbox,
    CountUnread,
    Delete,
    InboxCounts,
    InboxState,
    MarkAllRead,
    Marked,
    MarkRead,
    TellState,
)
from actors.questions import (
    Answer,
    Inquiry,
    ListedElsewhere,
    NotUnderstood,
    Outcome,
    Question,
    Reply,
    read_answers,
    read_questions,
)
from storage.positions import to_ms
from tests.storage.samples import NOON, SECOND

USER, ID = UUID(int=1), UUID(int=2)
SOON = NOON + 2 * SECOND


def listed(*ages: timedelta) -> list[ListedElsewhere]:
    return [
        ListedElsewhere(UUID(int=number).bytes, to_ms(NOON - age))
        for number, age in enumerate(ages)
    ]


@pytest.mark.parametrize(
    "message",
    [
        CountUnread(),
        CountInbox(listed(), is_shown_wanted=False),
        CountInbox(listed(0 * SECOND, RECOUNT_AFTER + RECENT), is_shown_wanted=True),
        MarkRead((ID, USER)),
        MarkAllRead(),
        TellState(),
        Click(ID, "view \u00e9"),
        Click(ID, None),
        Delete(ID),
    ],
    ids=repr,
)
def test_a_question_is_read_as_it_was_put(message: Inquiry) -> None:
    other = Question.of(2**32 - 1, ID, Delete(USER), now=NOON, until=SOON)
    question = Question.of(3, USER, message, now=NOON, until=SOON)
    read = list(read_questions(question.packed() + other.packed()))
    assert read == [question, other]
    assert (read[0].user_id, read[0].until_ms) == (USER, to_ms(SOON))
    assert read[0].message() == message
    with pytest.raises(struct.error):
        list(read_questions(question.packed() + other.packed()[:20]))


def test_rows_that_every_count_has_are_left_out() -> None:
    rows = listed(0 * SECOND, timedelta(minutes=10))
    asked = CountInbox(rows, is_shown_wanted=True)
    question = Question.of(1, USER, asked, now=NOON, until=SOON)
    assert question.message() == CountInbox(rows[:1], is_shown_wanted=True)
    assert (rows[1].id_bytes, rows[1].created_at) == (
        UUID(int=1).bytes,
        NOON - timedelta(minutes=10),
    )


@pytest.mark.parametrize(
    ("kind", "body"), [(99, b""), (2, b"\x01cut off"), (3, b"short"), (5, ID.bytes + b"\xff")]
)
def test_a_question_that_is_not_understood_says_so(kind: int, body: bytes) -> None:
    with pytest.raises(NotUnderstood) as raised:
        Question(1, USER, 0, kind, body).message()
    assert raised.value.kind == kind


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        (CountUnread(), 12),
        (CountInbox([], is_shown_wanted=False), InboxCounts(3, None)),
        (CountInbox([], is_shown_wanted=True), InboxCounts(0, 40)),
        (MarkRead((ID,)), Marked(1, 4)),
        (MarkAllRead(), Marked(0, 0)),
        (Click(ID), Marked(1, 0)),
        (TellState(), InboxState(2**63 - 1, 4, 0)),
        (TellState(), None),
        (Delete(ID), True),
        (Delete(ID), False),
    ],
    ids=repr,
)
def test_an_answer_is_the_reply_to_what_was_asked(message: Inquiry, reply: Reply) -> None:
    answers = [Answer.of(2**32 - 1, reply), Answer(2, Outcome.MISSING)]
    packed = b"".join(answer.packed() for answer in answers)
    assert list(read_answers(packed)) == answers
    assert answers[0].reply_to(message) == reply
    with pytest.raises(struct.error):
        list(read_answers(packed[:-1]))
