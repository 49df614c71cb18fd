"""The page of the API's documentation, without an internet."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.browser.running_service import RunningService


def test_the_page_shows_every_operation_and_asks_nobody_else(
    context: BrowserContext, page: Page, service: RunningService
) -> None:
    hosts: set[str] = set()

    def note(request: Request) -> None:
        hosts.add(urlsplit(request.url).netloc)

    context.on("request", note)
    page.goto("/api/docs/")
    expect(page.get_by_role("heading", name="Save n Bite notifications")).to_be_visible()
    response = context.request.get("/api/openapi.json")
    operations = [
        operation for path in response.json()["paths"].values() for operation in path.values()
    ]
    expect(page.locator(".opblock")).to_have_count(len(operations))
    assert hosts - {""} == {urlsplit(service.url).netloc}


def test_an_operation_can_be_tried_with_a_token(page: Page, service: RunningService) -> None:
    page.goto("/api/docs/#/notifications/getNotificationsUnreadCount")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(service.session["users"][0]["token"])
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").click()
    operation = page.locator("#operations-notifications-getNotificationsUnreadCount")
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text('"unread_count": 0')
