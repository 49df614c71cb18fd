"""Which flow carries out which type of event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from actors.flows.audiences import Audiences
from actors.flows.business_changes import CHANGED, BusinessProfileChanged
from actors.flows.business_updates import BusinessUpdatePosted
from actors.flows.campaigns import CampaignStarted
from actors.flows.deletions import UserDeletions
from actors.flows.direct_sends import NotificationRequested
from actors.flows.expiry import EXPIRING, ExpiryPlans, ListingExpiring
from actors.flows.fan_out import FanOutFlow
from actors.flows.interactions import InteractionStatusChanged
from actors.flows.interests import ListingInterests
from actors.flows.listings import ListingCreated, ListingRemovals
from actors.flows.pickups import STATUSES, Pickups
from actors.flows.plan import SubjectFlow
from actors.flows.profiles import BusinessProfiles, UserProfiles
from actors.flows.reminders import REMINDER_DUE, PickupReminders
from actors.flows.reviews import ReviewCreated
from actors.flows.verifications import VerificationStatusChanged
from actors.flows.weekly_digests import WeeklyDigestDue
from actors.follow_ups import FollowUps
from actors.planning import Planning
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores
from tasks.weekly_digest import DUE as DIGEST_DUE


def read_model_flows(
    stores: Stores,
    resolvers: Iterable[NameResolver],
    planning: Planning,
    clock: PositionClock,
    claim: Callable[[], None],
) -> Mapping[str, SubjectFlow]:
    """Return the flows of the lane `read_model`.

    `resolvers` forget the names that change; `claim` has what follows from events claimed.
    """
    resolvers = tuple(resolvers)
    users = UserProfiles(stores.users, resolvers)
    businesses = BusinessProfiles(stores.businesses, resolvers, FollowUps(stores.events, claim))
    pickups = Pickups(stores.pickups, planning, clock)
    return {
        "user.registered": users,
        "user.updated": users,
        "user.deleted": UserDeletions(stores.users),
        "business.created": businesses,
        "business.updated": businesses,
        "listing.interest": ListingInterests(stores.interests, clock),
        "listing.removed": ListingRemovals(
            stores.listings, ExpiryPlans(stores.listings, planning), clock
        ),
        **dict.fromkeys(STATUSES, pickups),
    }


def single_flows(
    stores: Stores, names: NameResolver, clock: PositionClock
) -> Mapping[str, SubjectFlow]:
    """Return the flows of the lanes `single` and `critical`."""
    return {
        "notification.requested": NotificationRequested(stores.scheduled_sends),
        REMINDER_DUE: PickupReminders(stores.pickups, stores.businesses, clock),
        "interaction.status_changed": InteractionStatusChanged(
            stores.statuses, stores.businesses, names, clock
        ),
        "review.created": ReviewCreated(stores.businesses),
        "verification.status_changed": VerificationStatusChanged(stores.statuses, clock),
    }


def fan_out_flows(
    stores: Stores, names: NameResolver, planning: Planning, clock: PositionClock
) -> Mapping[str, FanOutFlow]:
    """Return the flows of the lane `fan_out`."""
    audiences = Audiences(stores)
    return {
        "listing.created": ListingCreated(
            stores.listings,
            stores.businesses,
            audiences,
            ExpiryPlans(stores.listings, planning),
            clock,
        ),
        EXPIRING: ListingExpiring(stores.listings, stores.businesses, audiences, clock),
        "business_update.posted": BusinessUpdatePosted(stores.businesses, audiences),
        CHANGED: BusinessProfileChanged(stores.businesses, audiences),
        DIGEST_DUE: WeeklyDigestDue(stores, names, audiences, clock),
    }


def campaign_flow(stores: Stores, clock: PositionClock) -> CampaignStarted:
    """Return the flow of the lane `campaign`."""
    return CampaignStarted(
        stores.campaigns, stores.campaign_mails, stores.audit_log, Audiences(stores), clock
    )
