"""Hand on what other processes have told to whom it concerns here."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import structlog
from pykka import ActorDeadError

from actors.answering import Answering
from actors.bus_carrier import BusCarrier, Confirm
from actors.directory import Directory
from actors.elsewhere import Elsewhere
from actors.loop_ref import LoopActorRef
from actors.mailbox import MailboxFull
from actors.messages import Deliver, Reflect
from actors.newcomers import Newcomers
from actors.notices import Answers, Came, Evicted, Heard, Joined, Lost, Notice, Questions
from actors.parcels import Announced, Changed, Shown, UnknownParcel, read_fields
from actors.peers import Peers
from storage.bus_streams import Fields

log = structlog.get_logger(__name__)


class HandingOn:
    """Gives parcels to the actors of users, and notices to what waits for them.

    None of them waits: who is told or asked does what there is to do in its own time.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        peers: Peers,
        elsewhere: Elsewhere,
        answering: Answering,
        newcomers: Newcomers,
        carrier: Callable[[], LoopActorRef[BusCarrier]],
    ) -> None:
        self._directory = directory
        self._peers = peers
        self._elsewhere = elsewhere
        self._answering = answering
        self._newcomers = newcomers
        self._carrier = carrier

    def hand_on(self, fields: Fields) -> Joined | Lost | None:
        """Hand on a parcel or a notice; return one that concerns the whole process."""
        try:
            parcel = read_fields(fields)
        except UnknownParcel as error:
            log.warning("bus_parcel_unknown", kind=error.kind)
            return None
        match parcel:
            case Announced():
                self._announce(parcel)
            case Changed():
                self._directory.tell(parcel.user_id, Reflect(parcel.change, time.monotonic()))
            case Shown():
                self._directory.show(parcel.user_id, parcel.frame)
            case _:
                return self._heed(parcel)
        return None

    def _heed(self, notice: Notice) -> Joined | Lost | None:
        match notice:
            case Questions():
                self._answering.take(notice)
            case Answers():
                for answer in notice.answers:
                    self._elsewhere.take(answer)
            case Evicted():
                self._directory.evict(notice.user_id, notice.serial)
            case Came():
                self._peers.only_here.arrive(notice.user_ids)
                # Who waits for this to be heard does so no longer than it has to.
                with contextlib.suppress(ActorDeadError, MailboxFull):
                    self._carrier().tell(Confirm(notice.process, notice.serial))
            case Heard():
                self._newcomers.hear(notice.serial)
            case _:
                return notice
        return None

    def _announce(self, parcel: Announced) -> None:
        if parcel.stored_after_us is not None:
            stored_after_s = self._peers.shared_time.moment_s(parcel.stored_after_us)
            parcel.announcement.stored_after_s = stored_after_s
        for each in parcel.addressees:
            message = Deliver(
                each.notification_id, parcel.created_at, each.is_unread, parcel.announcement
            )
            self._directory.tell(each.user_id, message)
