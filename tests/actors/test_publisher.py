"""What the gates decide is what the row says, and the queue gets what may be sent now."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from uuid import uuid4

import pytest

from actors.connection import CloseCode
from actors.directory import Directory
from actors.draft import REDELIVER_AFTER
from actors.notice import Notice
from actors.publisher import Published
from rules.gates import Refusal, Refused
from rules.kinds import Channel
from rules.preferences import DEFAULTS
from rules.quiet_hours import QuietHours, quiet_until
from rules.timezones import zone_of
from storage.notifications import NotificationRow
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.queue import DeliveryRef, Priority
from tests.support.actors import (
    RecordingConnection,
    UserActors,
)
from tests.support.publishing import LISTING, Publishing, stored
from tests.support.world import eventually


@pytest.fixture
def publishing(stores: Stores, clock: PositionClock) -> Publishing:
    return Publishing(stores, clock)


def refs(row: NotificationRow, *channels: Channel) -> list[DeliveryRef]:
    return [DeliveryRef(channel, row.recipient_id, row.id) for channel in channels]


AWAKE = QuietHours(is_enabled=False)


async def test_what_may_be_sent_now_is_queued_and_due_again_if_the_queue_forgets(
    publishing: Publishing,
) -> None:
    row = await publishing.publish(publishing.recipient(quiet_hours=AWAKE))
    waiting = {"status": "queued", "due_at": row.created_at + REDELIVER_AFTER}
    assert row.channels == {"in_app": {"status": "delivered"}, "email": waiting, "push": waiting}
    assert publishing.queue.refs == refs(row, Channel.EMAIL, Channel.PUSH)


async def test_in_quiet_hours_the_inbox_has_it_and_the_rest_is_deferred_and_not_queued(
    publishing: Publishing,
) -> None:
    hours = publishing.quiet_now()
    row = await publishing.publish(publishing.recipient(quiet_hours=hours))
    until = quiet_until(hours, zone_of(DEFAULTS.timezone), row.created_at)
    assert until is not None
    deferred = {"status": "deferred", "reason": "quiet_hours", "due_at": until}
    assert row.channels == {"in_app": {"status": "delivered"}, "email": deferred, "push": deferred}
    assert row.in_app
    assert publishing.queue.refs == []


async def test_what_is_critical_is_queued_in_quiet_hours_too(publishing: Publishing) -> None:
    recipient = publishing.recipient(quiet_hours=publishing.quiet_now())
    row = await publishing.publish(recipient, replace(LISTING, priority="critical"))
    assert {state["status"] for state in row.channels.values()} == {"delivered", "queued"}
    assert publishing.queue.refs == refs(row, Channel.EMAIL, Channel.PUSH)


async def test_what_is_refused_is_recorded_with_its_reason_and_not_queued(
    publishing: Publishing,
) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE, email_notifications=False)
    row = await publishing.publish(recipient)
    assert row.channels["email"] == {
        "status": "suppressed",
        "reason": "channel_preference",
    }
    assert publishing.queue.refs == refs(row, Channel.PUSH)


async def test_done_again_after_quiet_hours_were_switched_off_what_was_deferred_stays_so(
    publishing: Publishing,
) -> None:
    event = stored()
    recipient = publishing.recipient(quiet_hours=publishing.quiet_now())
    first = await publishing.publish(recipient, event=event)
    awake = recipient._replace(preferences=replace(recipient.preferences, quiet_hours=AWAKE))
    assert await publishing.publish(awake, event=event) == first
    assert publishing.queue.refs == []


async def test_what_is_critical_goes_first_on_the_queue_and_campaigns_go_last(
    publishing: Publishing,
) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    normal = Notice(event=stored(), content=LISTING, recipients=[recipient])
    critical = Notice(
        event=stored(), content=replace(LISTING, priority="critical"), recipients=[recipient]
    )
    campaign = Notice(
        event=stored(), content=replace(LISTING, campaign_id=uuid4()), recipients=[recipient]
    )
    published = await publishing.publish_all(campaign, normal, critical)
    last, usual, urgent = published.rows
    assert publishing.queue.priorities == [Priority.CRITICAL, Priority.USUAL, Priority.CAMPAIGN]
    both = (Channel.EMAIL, Channel.PUSH)
    assert publishing.queue.refs == [
        ref for row in (urgent, usual, last) for ref in refs(row, *both)
    ]


async def test_nobody_to_tell_is_nothing_to_do(publishing: Publishing) -> None:
    nobody = Notice(event=stored(), content=LISTING, recipients=[])
    assert await publishing.publish_all(nobody) == Published()
    assert publishing.queue.priorities == []


async def test_a_batch_may_be_of_several_events_and_contents_and_tells_what_became_of_each(
    publishing: Publishing,
) -> None:
    people = [publishing.recipient(quiet_hours=AWAKE) for _ in range(3)]
    muted = publishing.recipient(mute_all=True)
    bread, cake = stored(), stored()
    published = await publishing.publish_all(
        Notice(event=bread, content=LISTING, recipients=people),
        Notice(event=cake, content=replace(LISTING, title="Cake"), recipients=[people[0], muted]),
    )
    told = [(row.event_id, row.recipient_id, row.title) for row in published.rows]
    assert told == [
        *((bread.key, person.user_id, "Bread") for person in people),
        (cake.key, people[0].user_id, "Cake"),
        (cake.key, muted.user_id, "Cake"),
    ]
    assert [draft.id for draft in published.drafts] == [row.id for row in published.rows]
    assert [row.in_app for row in published.rows] == [True, True, True, True, False]
    assert set(published.drafts[4].decisions.values()) == {Refused(Refusal.MUTE_ALL)}


async def test_a_notice_may_name_other_channels_than_its_kind_has(publishing: Publishing) -> None:
    recipient = publishing.recipient(quiet_hours=AWAKE)
    only_sms = Notice(
        event=stored(), content=LISTING, recipients=[recipient], channels=(Channel.SMS,)
    )
    nothing = Notice(event=stored(), content=LISTING, recipients=[recipient], channels=())
    published = await publishing.publish_all(only_sms, nothing)
    by_sms, by_nothing = published.rows
    assert (list(by_sms.channels), by_sms.in_app) == (["sms"], False)
    assert publishing.queue.refs == refs(by_sms, Channel.SMS)
    assert (by_nothing.channels, by_nothing.in_app) == ({}, False)


async def test_each_content_is_announced_to_its_own_recipients(
    stores: Stores, clock: PositionClock
) -> None:
    actors = UserActors(stores)
    directory = Directory(actors.start)
    publishing = Publishing(stores, clock, directory)
    both, only_cake = publishing.recipient(), publishing.recipient()
    bread = Notice(event=stored(), content=LISTING, recipients=[both])
    cake = Notice(
        event=stored(), content=replace(LISTING, title="Cake"), recipients=[both, only_cake]
    )
    connections = {person.user_id: RecordingConnection() for person in (both, only_cake)}
    for user_id, connection in connections.items():
        await directory.attach(user_id, connection)
    await publishing.publish_all(bread)
    # Done again, together with what was not told the first time.
    await publishing.publish_all(bread, cake)

    async def titles() -> list[list[str]] | None:
        shown = [
            [frame["data"]["title"] for frame in connection.frames[1:]]
            for connection in connections.values()
        ]
        return shown if sum(map(len, shown)) >= 3 else None

    assert await eventually(titles) == [["Bread", "Cake"], ["Cake"]]
    await directory.close_all(CloseCode.SERVER_RESTARTING, deadline_s=5)
    await actors.end()


async def test_who_has_had_the_days_worth_gets_no_row_of_a_notice_that_wants_it_so(
    publishing: Publishing, stores: Stores
) -> None:
    drafts = [
        draft
        for is_refused in (True, True, False)
        for draft in publishing.drafts(
            Notice(
                event=stored(),
                content=LISTING,
                recipients=[publishing.recipient(quiet_hours=AWAKE)],
                is_refused_over_cap=is_refused,
            )
        )
    ]
    for draft in drafts[1:]:
        draft.change({Channel.IN_APP: Refused(Refusal.DAILY_CAP)})
    published = await publishing.publish_decided(drafts)
    assert list(published.drafts) == [drafts[0], drafts[2]]
    assert list(published.refused) == [drafts[1]]
    assert [row.id for row in published.rows] == [drafts[0].id, drafts[2].id]
    assert [row.in_app for row in published.rows] == [True, False]
    refused = drafts[1]
    assert await stores.notifications.find(refused.recipient.user_id, refused.id) is None
    assert {ref.notification_id for ref in publishing.queue.refs} == {drafts[0].id, drafts[2].id}
    published = await publishing.publish_decided([refused])
    assert (list(published.rows), list(published.refused)) == ([], [refused])


async def test_what_one_recipient_gets_of_a_batch_keeps_its_order(publishing: Publishing) -> None:
    person, other = publishing.recipient(), publishing.recipient()
    titles = [f"Number {number}" for number in range(20)]
    published = await publishing.publish_all(
        *(
            Notice(
                event=stored(),
                content=replace(LISTING, title=title),
                recipients=[other, person] if number == 0 else [person],
            )
            for number, title in enumerate(titles)
        )
    )
    others, *mine = published.rows
    assert [row.title for row in sorted(mine, key=lambda row: row.created_at)] == titles
    assert len({row.created_at for row in mine}) == 20
    assert others.created_at == mine[0].created_at


async def test_of_new_rows_it_is_known_when_they_were_not_stored_yet_and_of_others_not(
    publishing: Publishing,
) -> None:
    first, second = publishing.recipient(), publishing.recipient()
    notice = Notice(event=stored(), content=LISTING, recipients=[first])
    began_s = monotonic()
    await publishing.publish_all(notice)
    # Done again, together with somebody whom it did not come to the first time.
    between_s = monotonic()
    await publishing.publish_all(replace(notice, recipients=[first, second]))
    known = [
        (rows[0].recipient_id, announcement.stored_after_s)
        for announcement, rows in publishing.bus.announced
    ]
    (_, at_first_s), again, (_, at_last_s) = known
    assert again == (first.user_id, None)
    assert began_s <= at_first_s <= between_s <= at_last_s <= monotonic()


async def test_what_could_not_be_announced_everywhere_holds_the_floor_of_later_rows_down(
    publishing: Publishing,
) -> None:
    first = await publishing.publish(publishing.recipient())
    publishing.bus.is_in_order = False
    doubtful = await publishing.publish(publishing.recipient())
    publishing.bus.is_in_order = True
    later = await publishing.publish(publishing.recipient())
    assert first.floor == first.created_at
    assert doubtful.floor == doubtful.created_at
    assert later.floor == doubtful.created_at
    assert [row.id for _, rows in publishing.bus.announced for row in rows] == [
        first.id,
        doubtful.id,
        later.id,
    ]
