"""Every failure that a client can see, and the only place that knows HTTP statuses.

Layers below raise their own classes; the table here gives each its status and code (contract
section 2.8):

    ApiError                 what the edge itself raises
    ├── ValidationFailed     400, details: field -> [messages]
    ├── Unauthenticated      401
    ├── PermissionDenied     403
    ├── NotFound             404
    ├── MethodNotAllowed     405
    ├── PayloadTooLarge      413
    ├── UnsupportedMediaType 415
    └── RateLimited          429, Retry-After
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
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
from rules.rate_limits import Standing
from server.auth import InvalidToken, KeysUnavailable
from server.campaigns import CampaignConflict
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


FIELDS_NAMED = 50
"""Bad fields that an answer names: a list of bad ids would be answered at many times its length."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A failure as clients see it."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return what stands under `error`."""
        return {"code": self.code, "message": self.message, "details": dict(self.details)}


class ApiError(Exception):
    """A failure found at the edge itself."""

    def __init__(self, answer: ErrorAnswer) -> None:
        super().__init__(answer.message)
        self.answer = answer


class ValidationFailed(ApiError):
    """What was sent is not what is asked for."""

    def __init__(self, details: Mapping[str, list[str]]) -> None:
        named = dict(itertools.islice(details.items(), FIELDS_NAMED))
        super().__init__(
            ErrorAnswer(400, "VALIDATION_ERROR", "Request data validation failed", named)
        )


class Unauthenticated(ApiError):
    """Nobody knows who asks."""

    def __init__(self, message: str) -> None:
        super().__init__(_unauthorized(message))


class PermissionDenied(ApiError):
    """It is known who asks, and they may not."""

    def __init__(self, message: str = "You do not have permission to do this") -> None:
        super().__init__(ErrorAnswer(403, "PERMISSION_DENIED", message))


class NotFound(ApiError):
    """There is no such thing, or none of the asker's."""

    def __init__(self, message: str = "Not found") -> None:
        super().__init__(ErrorAnswer(404, "NOT_FOUND", message))


class MethodNotAllowed(ApiError):
    """The path is right and the method is not."""

    def __init__(self, allowed: Iterable[str]) -> None:
        headers = {"Allow": ", ".join(sorted(allowed))}
        super().__init__(ErrorAnswer(405, "METHOD_NOT_ALLOWED", "Method not allowed", {}, headers))


class PayloadTooLarge(ApiError):
    """The body is over the limit; it is refused without being read."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            ErrorAnswer(
                413,
                "PAYLOAD_TOO_LARGE",
                f"The body is over the limit of {limit_bytes} bytes",
                {"limit_bytes": limit_bytes},
                {"Connection": "close"},
            )
        )


class UnsupportedMediaType(ApiError):
    """The body is not of the type that is read here."""

    def __init__(self, wanted: str = "application/json in UTF-8") -> None:
        super().__init__(ErrorAnswer(415, "UNSUPPORTED_MEDIA_TYPE", f"The body must be {wanted}"))


class RateLimited(ApiError):
    """The caller has asked as often as they may for now."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(
            ErrorAnswer(
                429,
                "RATE_LIMITED",
                f"Too many requests; try again in {standing.resets_in_s} s",
                {
                    "limit": standing.limit.most,
                    "window_s": standing.limit.window_s,
                    "retry_after_s": standing.resets_in_s,
                },
                {"Retry-After": str(standing.resets_in_s)},
            )
        )


def _unauthorized(message: str) -> ErrorAnswer:
    return ErrorAnswer(401, "UNAUTHORIZED", message, {}, {"WWW-Authenticate": "Bearer"})


def _invalid(field_name: str, problem: str) -> ErrorAnswer:
    return ValidationFailed({field_name: [problem]}).answer


def _unavailable(what: str) -> ErrorAnswer:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
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
    (InvalidToken, lambda error: _unauthorized(error.reason)),
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
    return CloseCode.INTERNAL_ERROR
