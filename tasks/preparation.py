"""Ask the gates again about what is to be sent now, and turn it into letters.

Hours may have passed since the notification was made: preferences, addresses and quiet hours are
those of now, and what is no longer true is not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules.deliveries import DeliveryStatus, Reason, Settled
from rules.gates import Later, Refusal, Refused, decide
from rules.kinds import KINDS, Channel
from rules.timeliness import is_still_true, still_true
from storage.delivery_entries import Entry
from tasks.letter import Destination, Device, EmailAddress, Letter, Party, PhoneNumber

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from storage.contacts import Contact, ContactsRepository
    from storage.deliveries import DeliveriesRepository, Held
    from storage.names import NameResolver, Names
    from storage.reachability import Reachability
    from tasks.cap_check import CapCheck
    from tasks.news import News


NOBODY = Settled(DeliveryStatus.SUPPRESSED, Refusal.NO_ADDRESS)
OUTDATED = Settled(DeliveryStatus.SUPPRESSED, Reason.NO_LONGER_TRUE)


@dataclass(frozen=True, slots=True)
class Ready:
    """A held delivery with what is sent, and where to: several devices, or one address."""

    held: Held
    letter: Letter
    destinations: Sequence[Destination]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be sent, and what is not and why."""

    ready: Sequence[Ready]
    settled: Sequence[Entry]


class Preparation:
    """Reads what a batch of deliveries needs, in one query a collection."""

    def __init__(
        self,
        *,
        contacts: ContactsRepository,
        reachability: Reachability,
        deliveries: DeliveriesRepository,
        names: NameResolver,
        caps: CapCheck,
        news: News,
    ) -> None:
        self._contacts = contacts
        self._reachability = reachability
        self._deliveries = deliveries
        self._names = names
        self._caps = caps
        self._news = news

    async def prepare(
        self, channel: Channel, claim: UUID, held: Sequence[Held], *, at: datetime
    ) -> Prepared:
        """Decide about each of `held` as of `at`."""
        ids = {each.row.recipient_id for each in held}
        contacts = await self._contacts.find_many(ids, channel.value)
        addresses = {
            user_id: contact.address for user_id, contact in contacts.items() if contact.address
        }
        outdated = await self._news.outdated([each.row for each in held])
        lost = await self._reachability.lost(channel.value, addresses)
        ready: list[tuple[Held, Contact, Sequence[Destination]]] = []
        settled: dict[UUID, tuple[Held, Settled]] = {}
        for each in held:
            contact = contacts.get(each.row.recipient_id)
            destinations = _destinations(channel, each, contact)
            stands = (
                OUTDATED
                if each.row.id in outdated
                else _refused(channel, each, contact, destinations, lost, at)
            )
            if contact is None or stands is not None:
                settled[each.row.id] = each, stands or NOBODY
            else:
                ready.append((each, contact, destinations))
        recipients = [(each, contact.recipient) for each, contact, _ in ready]
        over = await self._caps.refusals(channel, claim, recipients, at=at)
        settled |= {
            each.row.id: (each, over[each.row.id]) for each, _ in recipients if each.row.id in over
        }
        await self._caps.give_back(channel, _unsent(settled.values(), contacts), at=at)
        passed = [of_one for of_one in ready if of_one[0].row.id not in settled]
        return Prepared(
            await self._letters(channel, passed, at),
            [Entry(ref=each.ref, stands=stands, at=at) for each, stands in settled.values()],
        )

    async def _letters(
        self,
        channel: Channel,
        ready: Sequence[tuple[Held, Contact, Sequence[Destination]]],
        at: datetime,
    ) -> list[Ready]:
        names = await self._names.resolve(
            users=(held.row.sender_id for held, _, _ in ready),
            businesses=(held.row.business_id for held, _, _ in ready),
        )
        unread: Mapping[UUID, int] = {}
        if channel is Channel.PUSH:
            recipients = {held.row.recipient_id for held, _, _ in ready}
            unread = await self._deliveries.unread_counts(recipients)
        return [
            Ready(held, _letter(held, contact, names, unread, at), destinations)
            for held, contact, destinations in ready
        ]


def _unsent(
    settled: Iterable[tuple[Held, Settled]], contacts: Mapping[UUID, Contact]
) -> list[tuple[Held, str]]:
    """Return what will never be sent, each with its recipient's time zone."""
    unsent = []
    for held, stands in settled:
        contact = contacts.get(held.row.recipient_id)
        if contact is not None and stands.status is DeliveryStatus.SUPPRESSED:
            unsent.append((held, contact.recipient.preferences.timezone))
    return unsent


def _refused(
    channel: Channel,
    held: Held,
    contact: Contact | None,
    destinations: Sequence[Destination],
    lost: Collection[UUID],
    at: datetime,
) -> Settled | None:
    """Return why the delivery is not sent now, or None when it is."""
    row = held.row
    if row.is_blanked or not is_still_true(row.kind, row.data, at=at):
        return OUTDATED
    if contact is None or not destinations:
        return NOBODY
    decision = decide(
        kind=KINDS[row.kind],
        channels=(channel,),
        business_id=row.business_id,
        recipient=contact.recipient,
        at=at,
        is_critical=row.priority == "critical",
    )[channel]
    match decision:
        case Refused(reason) if reason is not Refusal.NO_ADDRESS or row.recipient_id not in lost:
            return Settled(DeliveryStatus.SUPPRESSED, reason)
        case Later(until):
            return Settled(DeliveryStatus.DEFERRED, Reason.QUIET_HOURS, until)
    if row.recipient_id in lost:
        return Settled(DeliveryStatus.SUPPRESSED, Reason.SUPPRESSED_ADDRESS)
    return None


def _destinations(channel: Channel, held: Held, contact: Contact | None) -> Sequence[Destination]:
    """Return where the delivery still has to go."""
    if contact is None:
        return ()
    if channel is Channel.PUSH:
        return [
            Device(device.id, device.platform, device.token)
            for device in contact.devices
            if str(device.id) not in held.devices
        ]
    if contact.address is None:
        return ()
    if channel is Channel.EMAIL:
        return [EmailAddress(contact.address)]
    return [PhoneNumber(contact.address)]


def _letter(
    held: Held, contact: Contact, names: Names, unread: Mapping[UUID, int], at: datetime
) -> Letter:
    row = held.row
    business = names.businesses.get(row.business_id) if row.business_id else None
    sender = names.users.get(row.sender_id) if row.sender_id else None
    preferences = contact.recipient.preferences
    return Letter(
        notification_id=row.id,
        recipient_id=row.recipient_id,
        recipient_name=contact.name,
        locale=preferences.locale,
        timezone=preferences.timezone,
        kind=row.kind,
        priority=row.priority,
        title=row.title,
        message=row.message,
        data=dict(still_true(row.kind, row.data, at=at) or row.data),
        action_buttons=row.action_buttons,
        image_url=row.image_url,
        business=Party(id=business.id, name=business.name, logo=business.logo)
        if business
        else None,
        sender_name=sender.name if sender else None,
        created_at=row.created_at,
        unread_count=unread.get(row.recipient_id, 0),
        template=row.template,
    )
