"""What providers tell of what was sent (contract section 5): no login, a signature instead."""

from __future__ import annotations

from typing import Any

import orjson
import structlog

from rules.kinds import Channel
from server.errors import PermissionDenied, UnsupportedMediaType, ValidationFailed
from server.handlers.base import PUBLIC, ApiHandler, loaded
from server.operation import JSON, Operation
from server.schemas.answer import Done
from server.schemas.webhooks import SNS_ENVELOPE, TWILIO_FORM, TWILIO_QUERY
from server.webhooks import ses, sns_http, twilio
from server.webhooks.believing import NotBelieved, ProviderAway
from server.webhooks.twilio import Wish

FORM = "application/x-www-form-urlencoded"
SNS_CONTENT_TYPES = ("text/plain", JSON)
"""SNS says text, of what is JSON."""

log = structlog.get_logger(__name__)


class WebhookHandler(ApiHandler):
    """Base of both: whoever is believed."""

    is_rate_limited = False

    provider: str

    def count(self, outcome: str) -> None:
        """Count a message of the provider."""
        self.service.webhooks.intake.count(self.provider, outcome)

    def not_connected(self) -> PermissionDenied:
        """Return the refusal where there is nothing by which anybody could be believed."""
        self.count("not_connected")
        return PermissionDenied(f"This service is not connected to {self.provider}")

    def raw_text(self, *content_types: str) -> bytes:
        """Return the body, which is one of `content_types`. Raises UnsupportedMediaType."""
        content_type = self.request.headers.get("Content-Type", "")
        if content_type.partition(";")[0].strip().lower() not in content_types:
            raise UnsupportedMediaType(" or ".join(content_types))
        return self.raw_body()

    def log_exception(self, *exc_info: Any) -> None:
        """Log whom we did not believe, and why; the sender is told no more than that."""
        error = exc_info[1]
        if isinstance(error, NotBelieved | ProviderAway):
            self.count("refused" if isinstance(error, NotBelieved) else "provider_away")
            log.warning("webhook_refused", provider=error.provider, problem=error.problem)
        super().log_exception(*exc_info)


class SesHandler(WebhookHandler):
    """`POST /api/webhooks/ses/`."""

    provider = sns_http.PROVIDER
    roles = {"POST": PUBLIC}
    operations = {
        "POST": Operation(body=SNS_ENVELOPE, answers={200: Done}, refusals=(403,)),
    }

    async def post(self) -> None:
        """Take in what Amazon SES tells of mails, by way of Amazon SNS, which signs it.

        SNS sends it as `text/plain`, which is taken too. A subscription to our topic is confirmed.
        """
        topic = self.service.webhooks.topic
        if topic is None:
            raise self.not_connected()
        envelope = self._envelope()
        await topic.verify(envelope, now=self.service.clock.store_now())
        match envelope["Type"]:
            case "SubscriptionConfirmation":
                await topic.confirm(envelope)
                self._done("confirmed")
            case "UnsubscribeConfirmation":
                log.warning("sns_unsubscribed", topic_arn=envelope["TopicArn"])
                self._done("unsubscribed")
            case _:
                await self._take_in(envelope["Message"])

    async def _take_in(self, message: str) -> None:
        try:
            told = ses.told_by(message)
        except ses.NotAnEvent:
            raise ValidationFailed({"Message": ["Not an event of Amazon SES."]}) from None
        if told is None:
            self._done("ignored")
            return
        self._answer(await self.service.webhooks.intake.take_in(self.provider, told))

    def _done(self, outcome: str) -> None:
        self.count(outcome)
        self._answer(outcome)

    def _answer(self, outcome: str) -> None:
        self.answer({"message": outcome.capitalize()})

    def _envelope(self) -> dict[str, str]:
        try:
            content = orjson.loads(self.raw_text(*SNS_CONTENT_TYPES))
        except orjson.JSONDecodeError as error:
            raise ValidationFailed({"body": [f"Not valid JSON: {error}"]}) from None
        envelope: dict[str, str] = loaded(SNS_ENVELOPE, content)
        return envelope


class TwilioHandler(WebhookHandler):
    """`POST /api/webhooks/twilio/`."""

    provider = twilio.PROVIDER
    roles = {"POST": PUBLIC}
    operations = {
        "POST": Operation(
            query=TWILIO_QUERY,
            body=TWILIO_FORM,
            body_type=FORM,
            answers={204: None},
            refusals=(403,),
        ),
    }

    async def post(self) -> None:
        """Take in what Twilio tells of SMS, and what people answer to them.

        It is signed in `X-Twilio-Signature`, for the URL as Twilio knows it and all fields. `STOP`
        and its like end SMS to a number, `START` and its like begin them again.
        """
        account = self.service.webhooks.account
        if account is None:
            raise self.not_connected()
        given = self._form()
        signature = self.request.headers.get("X-Twilio-Signature", "")
        account.verify(signature, self.request.uri or "", given)
        form = loaded(TWILIO_FORM, {name: values[-1] for name, values in given.items()})
        if "MessageStatus" in form:
            await self._take_in(form)
        else:
            await self._heed(form)
        self.set_status(204)
        self.clear_header("Content-Type")
        self.finish()

    async def _take_in(self, form: dict[str, str]) -> None:
        """Take in how an SMS of ours stands."""
        told = twilio.told_by(form, **self.query(), now=self.service.clock.store_now())
        if told is None:
            self.count("ignored")
            return
        await self.service.webhooks.intake.take_in(self.provider, told)

    async def _heed(self, form: dict[str, str]) -> None:
        """Do what somebody asks for by an SMS to us."""
        wish, number = twilio.wish_of(form), form.get("From")
        if wish is None or not number:
            self.count("ignored")
            return
        intake = self.service.webhooks.intake
        if wish is Wish.STOP:
            await intake.lose(Channel.SMS, number, reason=wish.value)
        else:
            await intake.regain(Channel.SMS, number)
        self.count(wish.value)
        log.info("sms_wish_heeded", wish=wish.value, message_sid=form["MessageSid"])

    def _form(self) -> dict[str, list[str]]:
        try:
            return twilio.read_form(self.raw_text(FORM))
        except twilio.NotAForm:
            raise ValidationFailed({"body": ["Not a valid form."]}) from None


ROUTES = [
    (r"/api/webhooks/ses/?", SesHandler),
    (r"/api/webhooks/twilio/?", TwilioHandler),
]
