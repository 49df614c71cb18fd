from __future__ import annotations

from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from config.secrets import decode_encryption_keys
from storage.unsubscribe_links import UnsubscribeLinks
from tests.browser.running_service import RunningService


@pytest.fixture
def link(service: RunningService) -> str:
    """Return the link of a mail to the demo's customer."""
    links = UnsubscribeLinks(decode_encryption_keys(service.encryption_key), service.url)
    return links.link(UUID(service.session["users"][0]["id"]), "welcome")


def test_a_reader_unsubscribes_and_comes_back(
    page: Page, service: RunningService, link: str
) -> None:
    page.goto(link)
    expect(page.get_by_role("heading", name="Stop these messages?")).to_be_visible()
    assert service.preferences["email_notifications"]
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    assert not service.preferences["email_notifications"]
    page.get_by_role("button", name="Resubscribe").click()
    expect(page.get_by_role("heading", name="You are subscribed again")).to_be_visible()
    assert service.preferences["email_notifications"]


def test_the_link_back_asks_before_it_does(page: Page, service: RunningService, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    page.goto(link)
    page.get_by_role("link", name="Resubscribe").click()
    expect(page.get_by_role("heading", name="Get these messages again?")).to_be_visible()
    assert not service.preferences["email_notifications"]
    page.get_by_role("button", name="Resubscribe").click()
    expect(page.get_by_role("heading", name="You are subscribed again")).to_be_visible()
    assert service.preferences["email_notifications"]


@pytest.mark.parametrize("width", [320, 360, 1_000])
def test_the_page_has_its_style_and_fits(page: Page, link: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(link)
    button = page.get_by_role("button")
    expect(button).to_have_css("background-color", "rgb(31, 122, 77)")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 48


def test_a_link_that_is_damaged_says_so(page: Page, service: RunningService, link: str) -> None:
    response = page.goto(link.rstrip("/")[:-2])
    assert response is not None
    assert response.status == 404
    expect(page.get_by_role("heading", name="This link does not work")).to_be_visible()
