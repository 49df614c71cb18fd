"""What clients see of every failure: status and code of what all layers raise, and close codes.

Layers below raise their own classes and know no HTTP; the edge's own errors (`server/errors.py`)
bring their answer along.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tornado.web
from pykka import ActorDeadError

from actors.business_updates import DailyUpdatesSpent
from actors.connection import CloseCode
from actors.direct_sends import SendFailed, SendUnfinished
from actors.loop_ref import DeadlineExceeded
from actors.mailbox import MailboxFull
from actors.outcome import DailyCapReached
from actors.supervisor import ActorRestarting
from actors.sync import UnknownNotification
from server.arrivals import Crowded
from server.auth import InvalidToken, KeysUnavailable
from server.campaigns import CampaignConflict
from server.errors import ApiError, ErrorAnswer, Unauthenticated, ValidationFailed
from server.exports import ExportsBusy
from server.images import ImageRefused
from server.mail_templates import TemplateNotFound, TooManyTemplates
from server.providers import NoBusiness
from server.webhooks.believing import NotBelieved, ProviderAway
from storage.businesses import BusinessNotFound
from storage.campaigns import CampaignNotFound
from storage.client import StoreUnavailable
from storage.delivery_feedback import FeedbackContended
from storage.delivery_records import DeliveryNotFound, DeliveryNotRetried
from storage.following import AlreadyFollowing, FollowLimitExceeded, NotFollowing
from storage.idempotency_keys import KeyInUse, KeyReused
from storage.image_files import AlreadyUploaded, UnknownUpload
from storage.image_objects import ImageStoreUnavailable
from storage.images import DailyUploadsSpent
from storage.notifications import NotInInbox
from storage.scheduled_sends import ScheduleNotFound, ScheduleNotPending
from storage.templates import TemplateContended
from storage.users import UserNotFound
from tasks.emails.pieces import TemplateRefused
from tasks.emails.press import PressFailed, PressUnavailable

RETRY_AFTER_S = 2
"""What clients are told to wait while a dependency is away."""


def _invalid(field_name: str, problem: str) -> ErrorAnswer:
    return ValidationFailed({field_name: [problem]}).answer


def _unavailable(what: str, retry_after_s: int = RETRY_AFTER_S) -> ErrorAnswer:
    headers = {"Retry-After": str(retry_after_s)}
    return ErrorAnswer(503, "UNAVAILABLE", f"{what}; try again shortly", {}, headers)


def _tornado(error: tornado.web.HTTPError) -> ErrorAnswer:
    """Give Tornado's own refusals the envelope."""
    if error.status_code == 404:
        return ErrorAnswer(404, "NOT_FOUND", "There is nothing at this address")
    if error.status_code == 403:
        return ErrorAnswer(403, "PERMISSION_DENIED", "This origin is not allowed")
    return ErrorAnswer(error.status_code, "VALIDATION_ERROR", "The request is malformed")


_TABLE: tuple[tuple[type[Exception], Callable[[Any], ErrorAnswer]], ...] = (
    (ApiError, lambda error: error.answer),
    (InvalidToken, lambda error: Unauthenticated(error.reason).answer),
    (KeysUnavailable, lambda _: _unavailable("The keys of tokens are away")),
    (
        BusinessNotFound,
        lambda error: ErrorAnswer(
            404,
            "BUSINESS_NOT_FOUND",
            "Business profile not found",
            {"business_id": str(error.business_id)},
        ),
    ),
    (
        NoBusiness,
        lambda _: ErrorAnswer(
            404, "BUSINESS_NOT_FOUND", "You have no business on the platform yet"
        ),
    ),
    (
        DailyUpdatesSpent,
        lambda error: ErrorAnswer(
            429,
            "RATE_LIMITED",
            f"A business can post at most {error.limit} updates a day",
            {"limit": error.limit},
            {"Retry-After": str(error.retry_after_s)},
        ),
    ),
    (
        AlreadyFollowing,
        lambda error: ErrorAnswer(
            409,
            "ALREADY_FOLLOWING",
            "You already follow this business",
            {"business_id": str(error.business_id)},
        ),
    ),
    (NotFollowing, lambda _: ErrorAnswer(404, "NOT_FOUND", "You do not follow this business")),
    (
        FollowLimitExceeded,
        lambda error: ErrorAnswer(
            422,
            "FOLLOW_LIMIT_EXCEEDED",
            f"You can follow at most {error.limit} businesses",
            {"limit": error.limit},
        ),
    ),
    (
        UnknownNotification,
        lambda error: ErrorAnswer(
            404, "NOT_FOUND", "No such notification", {"since": [str(error.notification_id)]}
        ),
    ),
    (
        UserNotFound,
        lambda error: ErrorAnswer(
            404, "NOT_FOUND", "No such user", {"user_id": str(error.user_id)}
        ),
    ),
    (
        DailyCapReached,
        lambda error: ErrorAnswer(
            422,
            "NOTIFICATION_LIMIT_EXCEEDED",
            "The recipient has had the day's worth of notifications",
            {"recipient_id": str(error.user_id)},
        ),
    ),
    (
        SendFailed,
        lambda _: ErrorAnswer(500, "DELIVERY_FAILED", "The notification could not be sent"),
    ),
    (SendUnfinished, lambda _: _unavailable("The notification is accepted but not yet sent")),
    (
        KeyReused,
        lambda _: ErrorAnswer(
            422, "IDEMPOTENCY_KEY_REUSED", "This key was given with another request before"
        ),
    ),
    (
        KeyInUse,
        lambda _: ErrorAnswer(
            409,
            "IDEMPOTENCY_IN_PROGRESS",
            "The first request with this key is still under way",
            {},
            {"Retry-After": "1"},
        ),
    ),
    (ScheduleNotFound, lambda _: ErrorAnswer(404, "NOT_FOUND", "No such schedule")),
    (
        ScheduleNotPending,
        lambda error: ErrorAnswer(
            409, "CONFLICT", f"The notification is {error.status}", {"status": error.status}
        ),
    ),
    (
        NotBelieved,
        lambda _: ErrorAnswer(403, "PERMISSION_DENIED", "The signature does not hold"),
    ),
    (ProviderAway, lambda _: _unavailable("The provider is away")),
    (FeedbackContended, lambda _: _unavailable("The delivery is busy")),
    (CampaignNotFound, lambda _: ErrorAnswer(404, "NOT_FOUND", "No such campaign")),
    (
        CampaignConflict,
        lambda error: ErrorAnswer(
            409,
            "CONFLICT",
            f"The campaign is {error.campaign.status}",
            {"status": error.campaign.status},
        ),
    ),
    (DeliveryNotFound, lambda _: ErrorAnswer(404, "NOT_FOUND", "No such delivery")),
    (
        DeliveryNotRetried,
        lambda error: ErrorAnswer(
            409,
            "CONFLICT",
            f"The delivery is {error.record.status}",
            {"status": error.record.status},
        ),
    ),
    (TemplateNotFound, lambda _: ErrorAnswer(404, "NOT_FOUND", "No such template")),
    (TemplateRefused, lambda error: _invalid(error.field or "template", str(error))),
    (PressFailed, lambda error: _invalid("template", error.problem)),
    (
        TooManyTemplates,
        lambda error: _invalid("name", f"There can be at most {error.limit} templates"),
    ),
    (
        TemplateContended,
        lambda _: ErrorAnswer(409, "CONFLICT", "Others are writing this template"),
    ),
    (PressUnavailable, lambda _: _unavailable("Other templates are being tried")),
    (ImageRefused, lambda error: _invalid("image_url", error.problem)),
    (
        UnknownUpload,
        lambda _: ErrorAnswer(403, "PERMISSION_DENIED", "This is no form of ours"),
    ),
    (
        AlreadyUploaded,
        lambda _: ErrorAnswer(409, "CONFLICT", "The image is there already"),
    ),
    (ImageStoreUnavailable, lambda _: _unavailable("The images are away")),
    (
        DailyUploadsSpent,
        lambda error: ErrorAnswer(
            429,
            "RATE_LIMITED",
            f"Nobody can upload more than {error.limit} images a day",
            {"limit": error.limit},
            {"Retry-After": str(error.retry_after_s)},
        ),
    ),
    (NotInInbox, lambda _: ErrorAnswer(404, "NOT_FOUND", "No such notification")),
    (Crowded, lambda error: _unavailable("Too many are coming in", error.retry_after_s)),
    (ExportsBusy, lambda _: _unavailable("Other exports are running")),
    (StoreUnavailable, lambda _: _unavailable("The database is away")),
    (MailboxFull, lambda _: _unavailable("The service is overloaded")),
    (DeadlineExceeded, lambda _: _unavailable("The service took too long")),
    (ActorRestarting, lambda _: _unavailable("The service is restarting")),
    (ActorDeadError, lambda _: _unavailable("The service is restarting")),
    (tornado.web.HTTPError, _tornado),
)


def answer_to(error: BaseException) -> ErrorAnswer | None:
    """Return what a client is told of `error`, None when it is a fault of ours."""
    for error_class, answer in _TABLE:
        if isinstance(error, error_class):
            return answer(error)
    return None


def internal_error(request_id: str) -> ErrorAnswer:
    """Return what a client is told of a fault of ours: never more than where to find it."""
    return ErrorAnswer(
        500, "INTERNAL_ERROR", "Something failed on our side", {"request_id": request_id}
    )


def close_code_of(answer: ErrorAnswer) -> CloseCode:
    """Return how a connection ends whose authentication failed with `answer`.

    What is no fault of the client's is not 4401, at which one would sign its user out.
    """
    match answer.status:
        case 400 | 401:
            return CloseCode.UNAUTHORIZED
        case 403:
            return CloseCode.PERMISSION_DENIED
        case 503:
            return CloseCode.TRY_AGAIN_LATER
    return CloseCode.INTERNAL_ERROR
