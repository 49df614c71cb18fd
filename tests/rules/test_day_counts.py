from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from rules.day_counts import DayCounts, GroupBy, deliveries_by, engagement_by
from rules.deliveries import DeliveryStatus
from rules.delivery_counts import DeliveryCounts
from rules.engagement import Engagement
from rules.fates import Fate
from rules.insights import BusinessCounts
from rules.kinds import KINDS, Channel

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
BAKERY = UUID(int=200)
IN_APP, EMAIL = Channel.IN_APP, Channel.EMAIL
SHOWN = {IN_APP: DeliveryStatus.DELIVERED}
SHOWN_AND_MAILED = SHOWN | {EMAIL: DeliveryStatus.SENT}
SHOWN_ALONE = SHOWN | {EMAIL: DeliveryStatus.SUPPRESSED}
MUTED = dict.fromkeys((IN_APP, EMAIL), DeliveryStatus.SUPPRESSED)


def fate(**changes: Any) -> Fate:
    return Fate(**{"kind": "new_listing", "statuses": SHOWN, **changes})


def counted(*fates: tuple[Fate, int]) -> DayCounts:
    counts = DayCounts()
    for each, count in fates:
        counts.add(each, count)
    return counts


def test_each_channel_of_a_notification_is_a_delivery() -> None:
    counts = counted((fate(statuses=SHOWN_AND_MAILED), 2), (fate(statuses=SHOWN_ALONE), 1))
    assert counts.deliveries == {
        ("new_listing", IN_APP): DeliveryCounts(created=3, sent=3, delivered=3),
        ("new_listing", EMAIL): DeliveryCounts(created=3, sent=2, suppressed=1),
    }


def test_a_notification_engages_once_on_however_many_channels_it_went_out() -> None:
    counts = counted(
        (fate(statuses=SHOWN_AND_MAILED, is_read=True, is_clicked=True), 2),
        (fate(statuses=SHOWN_ALONE, is_read=True), 3),
    )
    assert counts.engagement == {"new_listing": Engagement(5, 5, 2)}
    assert counts.engagement_by_channel == {IN_APP: Engagement(5, 5, 2), EMAIL: Engagement(2, 2, 2)}


def test_what_went_out_on_no_channel_cannot_be_read() -> None:
    counts = counted((fate(statuses=MUTED, business_id=BAKERY), 4))
    assert counts.deliveries["new_listing", IN_APP] == DeliveryCounts(created=4, suppressed=4)
    assert (counts.engagement, counts.engagement_by_channel, counts.businesses) == ({}, {}, {})


def test_a_business_is_told_of_what_others_are_told_of_it() -> None:
    counts = counted(
        (fate(business_id=BAKERY), 3),
        (fate(business_id=BAKERY, is_read=True, read_quarter=4), 2),
        (fate(business_id=BAKERY, is_read=True, read_quarter=4, is_clicked=True), 1),
        (fate(business_id=BAKERY, kind="review_received"), 9),
        (fate(kind="system_announcement"), 9),
    )
    assert counts.businesses == {BAKERY: BusinessCounts(Engagement(6, 3, 1), {4: 3})}  # type: ignore[arg-type]


DAYS = {
    MONDAY: counted(
        (fate(statuses=SHOWN_AND_MAILED, is_read=True), 1),
        (fate(kind="welcome", statuses={EMAIL: DeliveryStatus.BOUNCED}), 1),
    ),
    TUESDAY: counted((fate(statuses=SHOWN_ALONE), 2), (fate(kind="unheard_of"), 1)),
}

DELIVERIES = {
    GroupBy.CHANNEL: {
        "in_app": DeliveryCounts(created=4, sent=4, delivered=4),
        "email": DeliveryCounts(created=4, sent=2, failed=1, suppressed=2),
        "push": DeliveryCounts(),
        "sms": DeliveryCounts(),
    },
    GroupBy.TYPE: dict.fromkeys(KINDS, DeliveryCounts())
    | {
        "new_listing": DeliveryCounts(created=6, sent=4, delivered=3, suppressed=2),
        "welcome": DeliveryCounts(created=1, sent=1, failed=1),
        "unheard_of": DeliveryCounts(created=1, sent=1, delivered=1),
    },
    GroupBy.DAY: {
        "2026-11-23": DeliveryCounts(created=3, sent=3, delivered=1, failed=1),
        "2026-11-24": DeliveryCounts(created=5, sent=3, delivered=3, suppressed=2),
    },
}

ENGAGEMENT = {
    GroupBy.CHANNEL: {
        "in_app": Engagement(4, 1, 0),
        "email": Engagement(2, 1, 0),
        "push": Engagement(0, 0, 0),
        "sms": Engagement(0, 0, 0),
    },
    GroupBy.TYPE: dict.fromkeys(KINDS, Engagement(0, 0, 0))
    | {
        "new_listing": Engagement(3, 1, 0),
        "welcome": Engagement(1, 0, 0),
        "unheard_of": Engagement(1, 0, 0),
    },
    GroupBy.DAY: {"2026-11-23": Engagement(2, 1, 0), "2026-11-24": Engagement(3, 0, 0)},
}


@pytest.mark.parametrize("group_by", GroupBy)
def test_deliveries_are_told_apart_and_nothing_is_said_to_be_nothing(group_by: GroupBy) -> None:
    assert dict(deliveries_by(group_by, DAYS)) == DELIVERIES[group_by]


@pytest.mark.parametrize("group_by", GroupBy)
def test_engagement_is_told_apart_and_nothing_is_said_to_be_nothing(group_by: GroupBy) -> None:
    assert dict(engagement_by(group_by, DAYS)) == ENGAGEMENT[group_by]


def test_days_come_in_their_order_and_channels_in_that_of_the_table() -> None:
    assert [key for key, _ in deliveries_by(GroupBy.DAY, DAYS)] == ["2026-11-23", "2026-11-24"]
    assert [key for key, _ in engagement_by(GroupBy.CHANNEL, {})] == list(Channel)
