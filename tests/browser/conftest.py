"""The service as `make run` starts it, and a real browser; both once a module.

Playwright's sync API occupies the thread's event loop, so it is stopped before the async tests of
other modules run.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.browser.running_service import RunningService

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

DEADLINE_MS = 30_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    service = RunningService(tmp_path_factory.mktemp("service"))
    try:
        service.start()
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert chromium is not None, "chromium is missing: apt-get install chromium"
    expect.set_options(timeout=DEADLINE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, service: RunningService) -> Iterator[BrowserContext]:
    """Give a fresh profile, and the customer nothing unread; a script's fault fails the test."""
    service.mark_all_read()
    faults: list[str] = []
    context = browser.new_context(base_url=service.url)
    context.set_default_timeout(DEADLINE_MS)
    context.on("weberror", lambda fault: faults.append(str(fault.error)))
    context.on("console", lambda message: faults.extend(_faults(message)))
    yield context
    context.close()
    assert not faults


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def _faults(message: ConsoleMessage) -> list[str]:
    """Return what a script or the page's policy complained of, and not what a request came to."""
    is_request = message.text.startswith(("Failed to load resource", "WebSocket connection"))
    return [message.text] if message.type == "error" and not is_request else []
