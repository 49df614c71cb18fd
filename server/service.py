"""What handlers are given: the parts of one server process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from actors.business_updates import BusinessUpdates
from actors.directory import Directory
from actors.dispatcher import Dispatcher
from actors.distribution import Distribution
from actors.follow_keeper import Follows
from actors.inbox import Inbox
from actors.loop_ref import LoopActorRef
from actors.new_followers import NewFollowers
from actors.tally import Tally
from config.settings import Settings
from server.activity import Activity
from server.arrivals import Arrivals
from server.campaigns import Campaigns
from server.client_address import ClientAddresses
from server.exports import Exports
from server.hub import Hub
from server.idempotency import IdempotentRequests
from server.images import Images
from server.in_flight import InFlight
from server.kept_pages import KeptPages
from server.mail_templates import MailTemplates
from server.origins import Origins
from server.overview import Overview
from server.page_templates import PageTemplates
from server.rate_limiting import RateLimiting
from server.readiness import Readiness
from server.sending import Sending
from server.simulation import Simulation
from server.statistics import Statistics
from server.verifier import TokenVerifier
from server.webhooks.doors import Doors
from storage.click_links import ClickLinks
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores
from storage.unsubscribe_links import UnsubscribeLinks


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One server process, built by `server/assembly.py`."""

    settings: Settings
    stores: Stores
    names: NameResolver
    clock: PositionClock
    tokens: TokenVerifier
    addresses: ClientAddresses
    rate_limits: RateLimiting
    directory: Directory
    hub: Hub
    arrivals: Arrivals
    origins: Origins
    inbox: Inbox
    pages: KeptPages
    follows: Follows
    new_followers: NewFollowers
    business_updates: BusinessUpdates
    campaigns: Campaigns
    activity: Activity
    requests: IdempotentRequests
    sending: Sending
    readiness: Readiness
    tally: Tally
    loop_lag: Distribution
    garbage_pauses: Distribution
    mailboxes: Callable[[], Mapping[str, int]]
    """Actor -> how many messages wait for it."""
    in_flight: InFlight
    overview: Overview
    simulation: Simulation
    statistics: Statistics
    exports: Exports
    unsubscribe_links: UnsubscribeLinks
    click_links: ClickLinks
    page_templates: PageTemplates
    mail_templates: MailTemplates
    webhooks: Doors
    images: Images
    dispatcher: Callable[[], LoopActorRef[Dispatcher]]
    """The dispatcher of the moment; raises ActorRestarting while there is none."""

    def url(self, path: str) -> str:
        """Return the absolute URL of `path` as clients see it."""
        return self.settings.public_url + path
