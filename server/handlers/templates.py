"""The templates of mails (contract section 2.6)."""

from __future__ import annotations

from typing import Any

from actors.frames import timestamp
from server.auth import ADMINS
from server.errors import ValidationFailed
from server.handlers.audited import AuditedHandler
from server.handlers.base import ApiHandler
from server.images import ImageRefused
from server.mail_templates import TemplateSummary, source_of
from server.operation import Operation
from server.paging import listing
from server.schemas.templates import (
    TEMPLATE_PREVIEW,
    TEMPLATE_QUERY,
    TEMPLATE_ROLLBACK,
    TEMPLATE_SOURCE,
    TEMPLATES_QUERY,
    TemplatePreviewed,
    TemplateRecord,
    TemplateRows,
)
from storage.templates import TemplateHead, TemplateVersion
from tasks.emails.sources import Source

NAME = r"([a-z][a-z0-9_-]{0,63})"


class TemplatesHandler(ApiHandler):
    """`GET /api/templates/`."""

    roles = {"GET": ADMINS}
    operations = {"GET": Operation(query=TEMPLATES_QUERY, answers={200: TemplateRows})}

    async def get(self) -> None:
        """List the templates of mails, by name."""
        asked = self.query()
        page, page_size = asked["page"], asked["page_size"]
        found = await self.service.mail_templates.summaries()
        first = (page - 1) * page_size
        self.answer(
            listing(
                url=self.service.url("/api/templates/"),
                query=self.asked_with(),
                page=page,
                page_size=page_size,
                count=len(found),
                results=[_row(each) for each in found[first : first + page_size]],
            )
        )


class _TemplateHandler(AuditedHandler):
    """Base of what concerns one template."""

    async def admit_images(self, source: Source) -> None:
        """Look at the pictures that a template shows. Raises ValidationFailed."""
        try:
            await self.service.images.admit_mentioned(source.html)
        except ImageRefused as error:
            raise ValidationFailed({"html": [f"{error.url}: {error.problem}"]}) from None

    async def answer_template(self, version: TemplateVersion) -> None:
        """Answer with a version, and with which others there are."""
        heads = await self.service.mail_templates.versions(version.name, version.locale)
        self.answer(_record(version, heads))


class TemplateHandler(_TemplateHandler):
    """`GET` and `PUT /api/templates/{name}/`."""

    roles = {"GET": ADMINS, "PUT": ADMINS}
    operations = {
        "GET": Operation(query=TEMPLATE_QUERY, answers={200: TemplateRecord}),
        "PUT": Operation(body=TEMPLATE_SOURCE, answers={200: TemplateRecord}, refusals={409}),
    }

    async def get(self, name: str) -> None:
        """Show the current version of a template, in one language."""
        locale = self.query()["locale"]
        await self.answer_template(await self.service.mail_templates.get(name, locale))

    async def put(self, name: str) -> None:
        """Write the next version of a template; workers use it within seconds."""
        source = Source(**self.json_body())
        templates = self.service.mail_templates
        await templates.check(name, source)
        await self.admit_images(source)
        await self.put_on_record("template.update", name, locale=source.locale)
        await self.answer_template(await templates.write(name, source, by=self.principal.user_id))


class TemplatePreviewHandler(ApiHandler):
    """`POST /api/templates/{name}/preview/`."""

    roles = {"POST": ADMINS}
    operations = {"POST": Operation(body=TEMPLATE_PREVIEW, answers={200: TemplatePreviewed})}

    async def post(self, name: str) -> None:
        """Show what a template makes of a sample, before it is written or after."""
        asked = self.json_body()
        locale, context = asked.pop("locale"), asked.pop("context")
        made = await self.service.mail_templates.preview(name, locale, asked, context)
        self.answer({"subject": made.subject, "html": made.html, "text": made.text})


class TemplateRollbackHandler(_TemplateHandler):
    """`POST /api/templates/{name}/rollback/`."""

    roles = {"POST": ADMINS}
    operations = {
        "POST": Operation(body=TEMPLATE_ROLLBACK, answers={200: TemplateRecord}, refusals={409})
    }

    async def post(self, name: str) -> None:
        """Write what an earlier version says as the next one."""
        asked = self.json_body()
        templates = self.service.mail_templates
        source = source_of(await templates.get(name, asked["locale"], asked["version"]))
        await templates.check(name, source)
        await self.admit_images(source)
        await self.put_on_record("template.rollback", name, **asked)
        await self.answer_template(await templates.write(name, source, by=self.principal.user_id))


def _row(summary: TemplateSummary) -> dict[str, Any]:
    return {
        "name": summary.name,
        "locales": summary.locales,
        "version": summary.version,
        "updated_at": timestamp(summary.updated_at),
    }


def _record(version: TemplateVersion, heads: list[TemplateHead]) -> dict[str, Any]:
    return {
        "name": version.name,
        "locale": version.locale,
        **_version(version),
        "subject": version.subject,
        "html": version.html,
        "text": version.text,
        "versions": [_version(head) for head in heads],
    }


def _version(head: TemplateHead) -> dict[str, Any]:
    return {
        "version": head.version,
        "updated_at": timestamp(head.updated_at),
        "updated_by": head.updated_by,
    }


ROUTES = [
    (r"/api/templates/?", TemplatesHandler),
    (rf"/api/templates/{NAME}/?", TemplateHandler),
    (rf"/api/templates/{NAME}/preview/?", TemplatePreviewHandler),
    (rf"/api/templates/{NAME}/rollback/?", TemplateRollbackHandler),
]
