"""Show what the mail of a campaign would be to one of its audience."""

from __future__ import annotations

from dataclasses import dataclass

from rules.locales import DEFAULT_LOCALE, shipped_locale
from rules.preferences import DEFAULTS
from rules.recipients import Recipient
from server.mail_templates import MailTemplates, TemplateNotFound, source_of
from storage.campaigns import Campaign
from storage.templates import TemplateVersion
from tasks.letter import Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A mail for somebody whose language is `locale`."""

    locale: str
    subject: str
    html: str
    text: str


async def sample_for(
    recipient: Recipient | None, campaign: Campaign, templates: MailTemplates
) -> Sample:
    """Return the mail that `recipient` would get, without their name; None: a stranger.

    Raises TemplateRefused, PressFailed, PressUnavailable.
    """
    preferences = recipient.preferences if recipient is not None else DEFAULTS
    letter = Letter(
        notification_id=campaign.id,
        recipient_id=recipient.user_id if recipient is not None else campaign.created_by,
        recipient_name=None,
        locale=preferences.locale,
        timezone=preferences.timezone,
        kind=campaign.kind,
        priority="normal",
        title=campaign.title,
        message=campaign.message,
        data={},
        action_buttons=[],
        image_url=None,
        business=None,
        sender_name=None,
        created_at=campaign.created_at,
        unread_count=0,
        template=campaign.template,
    )
    name = campaign.template or campaign.kind
    version = await _version(templates, name, shipped_locale(preferences.locale))
    mail = await templates.press(source_of(version), letter)
    return Sample(locale=preferences.locale, subject=mail.subject, html=mail.html, text=mail.text)


async def _version(templates: MailTemplates, name: str, locale: str) -> TemplateVersion:
    """Return the current template in that language, or in the one that is there for everybody."""
    try:
        return await templates.get(name, locale)
    except TemplateNotFound:
        return await templates.get(name, DEFAULT_LOCALE)
