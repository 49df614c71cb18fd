from __future__ import annotations

from uuid import uuid4

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.running_service import RunningService

RECONNECTED_WITHIN_MS = 20_000

CONNECTED = "Connected"
RECONNECTING = "Reconnecting in"


def new_listing() -> str:
    return f"Bread {uuid4().hex[:8]}"


def title_of(listing: str, business: str = "Sunrise Bakery") -> str:
    return f"{listing} at {business}"


def open_page(page: Page) -> Page:
    response = page.goto("/")
    assert response is not None
    assert "default-src 'self'" in (response.header_value("Content-Security-Policy") or "")
    expect_connected(page)
    return page


def expect_connected(page: Page) -> None:
    expect(page.locator("#connection")).to_contain_text(CONNECTED, timeout=RECONNECTED_WITHIN_MS)


def expect_unread(page: Page, count: int) -> None:
    words = {0: "No unread notifications", 1: "1 unread notification"}
    name = words.get(count, f"{count} unread notifications")
    expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()


def post_on(page: Page, listing: str, business: str = "Sunrise Bakery") -> None:
    form = page.locator("#posting")
    form.get_by_label("Business").select_option(business)
    form.get_by_label("Name").fill(listing)
    form.get_by_role("button", name="Post listing").click()
    expect(form.get_by_role("status")).to_contain_text("Posted")


def card(page: Page, title: str) -> Locator:
    """Find the cards with just that title."""
    heading = page.get_by_role("heading", name=title, exact=True)
    return page.locator(".card").filter(has=heading)


def unread_mark(page: Page, title: str) -> Locator:
    return card(page, title).get_by_text("Unread", exact=True)


def restart(page: Page, service: RunningService) -> None:
    """Kill the server and wait until the page has found the next one."""
    service.kill_server()
    expect(page.locator("#connection")).to_contain_text(RECONNECTING)
    expect_connected(page)


def cut_off(context: BrowserContext, service: RunningService, page: Page) -> None:
    """End the page's connection and let it make no other."""
    context.set_offline(True)
    service.kill_server()
    expect(page.locator("#connection")).to_contain_text(RECONNECTING)
    service.wait_until_ready()


def test_a_listing_posted_on_the_page_arrives_and_the_bell_counts_it(page: Page) -> None:
    first, second = new_listing(), new_listing()
    open_page(page)
    expect_unread(page, 0)

    post_on(page, first)
    expect(card(page, title_of(first))).to_have_count(1)
    expect(card(page, title_of(first))).to_contain_text(f"just posted {first} for R25.00")
    expect(unread_mark(page, title_of(first))).to_be_visible()
    expect_unread(page, 1)

    post_on(page, second)
    expect(page.locator(".card .title").first).to_have_text(title_of(second))
    expect_unread(page, 2)
    expect(page.locator("#announcer")).to_have_text(f"New notification: {title_of(second)}")


def test_what_is_done_in_one_tab_shows_in_the_other(context: BrowserContext) -> None:
    listing, other = new_listing(), new_listing()
    here, there = open_page(context.new_page()), open_page(context.new_page())
    for each in (listing, other):
        post_on(here, each)
        expect(unread_mark(there, title_of(each))).to_be_visible()

    card(here, title_of(listing)).get_by_role("heading").click()
    for tab in (here, there):
        expect(unread_mark(tab, title_of(listing))).to_be_hidden()
        expect(unread_mark(tab, title_of(other))).to_be_visible()
        expect_unread(tab, 1)

    there.get_by_role("button", name="Mark all read").click()
    for tab in (here, there):
        expect(unread_mark(tab, title_of(other))).to_be_hidden()
        expect_unread(tab, 0)

    delete = card(here, title_of(other)).get_by_role("button", name="Delete")
    delete.focus()
    delete.press("Enter")
    for tab in (here, there):
        expect(card(tab, title_of(other))).to_have_count(0)


def test_killed_servers_cost_the_page_nothing(page: Page, service: RunningService) -> None:
    before, after = new_listing(), new_listing()
    open_page(page)
    post_on(page, before)
    expect(card(page, title_of(before))).to_have_count(1)
    restart(page, service)

    service.post_listing(after)
    expect(card(page, title_of(after))).to_have_count(1)
    # The third server tells of `before` again: it cannot know what the first one had sent.
    restart(page, service)

    for listing in (after, before):
        expect(card(page, title_of(listing))).to_have_count(1)
    expect_unread(page, 2)


def test_what_happened_while_the_page_was_cut_off_shows_once(
    context: BrowserContext, page: Page, service: RunningService
) -> None:
    kept, deleted, read, missed = (new_listing() for _ in range(4))
    open_page(page)
    for listing in (kept, deleted, read):
        post_on(page, listing)
        expect(card(page, title_of(listing))).to_have_count(1)

    cut_off(context, service, page)
    service.delete(service.wait_for_notification(title_of(deleted)))
    service.mark_read(service.wait_for_notification(title_of(read)))
    service.post_listing(missed)
    service.wait_for_notification(title_of(missed))
    expect(page.locator("#connection")).to_contain_text(RECONNECTING)
    expect(card(page, title_of(missed))).to_have_count(0)

    context.set_offline(False)
    expect_connected(page)
    titles = page.locator(".card .title").all_text_contents()
    assert titles[:3] == [title_of(listing) for listing in (missed, read, kept)]
    for listing in (missed, read, kept):
        expect(card(page, title_of(listing))).to_have_count(1)
    expect(card(page, title_of(deleted))).to_have_count(0)
    expect(unread_mark(page, title_of(read))).to_be_hidden()
    expect(unread_mark(page, title_of(kept))).to_be_visible()
    expect_unread(page, 2)


def test_html_in_a_text_stays_text(page: Page) -> None:
    listing = f"<img src=x onerror=alert(1)><b>{new_listing()}</b>"
    open_page(page)
    post_on(page, listing)
    shown = card(page, title_of(listing))
    expect(shown).to_have_count(1)
    expect(shown.locator("b, img[src=x]")).to_have_count(0)
    expect(shown.locator(".message")).to_contain_text(listing)


def test_who_unfollows_a_business_hears_of_it_again_only_after_following_it(page: Page) -> None:
    unheard, heard, from_another = new_listing(), new_listing(), new_listing()
    open_page(page)

    page.get_by_role("button", name="Unfollow Green Basket").click()
    follow = page.get_by_role("button", name="Follow Green Basket", exact=True)
    expect(follow).to_be_visible()
    post_on(page, unheard, "Green Basket")
    post_on(page, from_another)
    expect(card(page, title_of(from_another))).to_have_count(1)

    follow.click()
    expect(page.get_by_role("button", name="Unfollow Green Basket")).to_be_visible()
    post_on(page, heard, "Green Basket")
    expect(card(page, title_of(heard, "Green Basket"))).to_have_count(1)
    expect(card(page, title_of(unheard, "Green Basket"))).to_have_count(0)


def test_each_user_has_their_own_inbox(page: Page) -> None:
    listing = new_listing()
    open_page(page)
    post_on(page, listing)
    card(page, title_of(listing)).get_by_role("button", name="Mark as read").click()
    expect(unread_mark(page, title_of(listing))).to_be_hidden()

    page.get_by_label("Signed in as").select_option("Ubuntu Kitchen (ngo)")
    expect(unread_mark(page, title_of(listing))).to_be_visible()
    page.reload()
    expect(page.get_by_label("Signed in as")).to_have_value(page.url.partition("user=")[2])
    expect(unread_mark(page, title_of(listing))).to_be_visible()


def test_a_refused_listing_says_what_is_wrong(page: Page) -> None:
    open_page(page)
    form = page.locator("#posting")
    form.get_by_label("Pickup location").fill("   ")
    form.get_by_role("button", name="Post listing").click()
    expect(form.get_by_role("status")).to_contain_text("pickup_location")


def test_the_page_fits_a_small_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_page(page)
    post_on(page, "A" * 180)
    expect(page.locator(".card .title").first).to_contain_text("A" * 100)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
