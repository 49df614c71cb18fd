"""All repositories of one database, built together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.aged_notifications import AgedNotifications
from storage.audit_log import AuditLog
from storage.businesses import BusinessesRepository
from storage.campaign_mails import CampaignMails
from storage.campaigns import CampaignsRepository
from storage.channel_switches import ChannelSwitches
from storage.charges import ChargesRepository
from storage.contacts import ContactsRepository
from storage.daily_stats import DailyStats
from storage.deliveries import DeliveriesRepository
from storage.delivery_feedback import DeliveryFeedback
from storage.delivery_records import DeliveryRecords
from storage.devices import DevicesRepository
from storage.engagement import EngagementRepository
from storage.events import EventsRepository
from storage.fates import FatesRepository
from storage.follow_changes import FollowChanges
from storage.followers import Followers
from storage.following import Following
from storage.follows import FollowsRepository
from storage.idempotency_keys import IdempotencyKeys
from storage.images import ImagesRepository
from storage.interests import InterestsRepository
from storage.jobs import JobsRepository
from storage.last_activity import LastActivity
from storage.listings import ListingsRepository
from storage.notification_history import NotificationHistory
from storage.notifications import NotificationsRepository
from storage.opt_outs import OptOuts
from storage.pickups import PickupsRepository
from storage.processes import ProcessesRepository
from storage.reachability import Reachability
from storage.recent_unread import RecentUnread
from storage.retention_progress import RetentionProgress
from storage.scheduled_sends import ScheduledSends
from storage.schedules import SchedulesRepository
from storage.segments import SegmentsRepository
from storage.statuses import StatusesRepository
from storage.suppressions import SuppressionsRepository
from storage.templates import TemplatesRepository
from storage.unread_counts import UnreadCounts
from storage.unsent import UnsentRepository
from storage.users import UsersRepository

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher
    from storage.positions import PositionClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The repositories over one client."""

    users: UsersRepository
    segments: SegmentsRepository
    segment_previews: SegmentsRepository
    """Where nobody is told: may lag."""

    last_activity: LastActivity
    devices: DevicesRepository
    businesses: BusinessesRepository
    follows: FollowsRepository
    following: Following
    followers: Followers
    events: EventsRepository
    notifications: NotificationsRepository
    history: NotificationHistory
    aged: AgedNotifications
    recent_unread: RecentUnread
    unread_counts: UnreadCounts
    deliveries: DeliveriesRepository
    delivery_records: DeliveryRecords
    delivery_feedback: DeliveryFeedback
    unsent: UnsentRepository
    contacts: ContactsRepository
    suppressions: SuppressionsRepository
    reachability: Reachability
    engagement: EngagementRepository
    fates: FatesRepository
    daily_stats: DailyStats
    opt_outs: OptOuts
    charges: ChargesRepository
    idempotency_keys: IdempotencyKeys
    schedules: SchedulesRepository
    scheduled_sends: ScheduledSends
    statuses: StatusesRepository
    listings: ListingsRepository
    interests: InterestsRepository
    pickups: PickupsRepository
    processes: ProcessesRepository
    jobs: JobsRepository
    retention: RetentionProgress
    campaigns: CampaignsRepository
    campaign_mails: CampaignMails
    channels: ChannelSwitches
    templates: TemplatesRepository
    images: ImagesRepository
    audit_log: AuditLog


def open_stores(
    database: AsyncIOMotorDatabase[Document], cipher: FieldCipher, clock: PositionClock
) -> Stores:
    """Build the repositories; a process has several clients, and one `clock` for them all."""
    users = UsersRepository(database, cipher)
    devices = DevicesRepository(database, cipher)
    businesses = BusinessesRepository(database)
    follows = FollowsRepository(database)
    suppressions = SuppressionsRepository(database, cipher)
    return Stores(
        users=users,
        segments=SegmentsRepository(database),
        segment_previews=SegmentsRepository(database, may_lag=True),
        last_activity=LastActivity(database),
        devices=devices,
        businesses=businesses,
        follows=follows,
        following=Following(users, follows, businesses, FollowChanges(database), clock),
        followers=Followers(follows, clock),
        events=EventsRepository(database, cipher),
        notifications=NotificationsRepository(database, cipher),
        history=NotificationHistory(database, cipher),
        aged=AgedNotifications(database),
        recent_unread=RecentUnread(database),
        unread_counts=UnreadCounts(database),
        deliveries=DeliveriesRepository(database, cipher),
        delivery_records=DeliveryRecords(database, cipher),
        delivery_feedback=DeliveryFeedback(database),
        unsent=UnsentRepository(database),
        contacts=ContactsRepository(database, cipher, devices.claims),
        suppressions=suppressions,
        reachability=Reachability(database, cipher, suppressions),
        engagement=EngagementRepository(database),
        fates=FatesRepository(database),
        daily_stats=DailyStats(database),
        opt_outs=OptOuts(database),
        charges=ChargesRepository(database),
        idempotency_keys=IdempotencyKeys(database, cipher),
        schedules=SchedulesRepository(database, cipher),
        scheduled_sends=ScheduledSends(database, cipher),
        statuses=StatusesRepository(database),
        listings=ListingsRepository(database),
        interests=InterestsRepository(database),
        pickups=PickupsRepository(database, cipher),
        processes=ProcessesRepository(database),
        jobs=JobsRepository(database),
        retention=RetentionProgress(database),
        campaigns=CampaignsRepository(database),
        campaign_mails=CampaignMails(database),
        channels=ChannelSwitches(database),
        templates=TemplatesRepository(database),
        images=ImagesRepository(database, cipher),
        audit_log=AuditLog(database),
    )
