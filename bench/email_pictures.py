"""Take the pictures of `docs/emails/`: every mail, narrow and wide, light and dark.

    .venv/bin/python -m bench.email_pictures [--only KIND]

Needs chromium. Each picture is checked to be under 100 KB, with nothing wider than the screen.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import Image
from playwright.async_api import async_playwright

from tasks.emails.samples import PICTURES, SAMPLES, sample
from tasks.emails.templates import FileTemplates

if TYPE_CHECKING:
    from playwright.async_api import Browser, Route

DIRECTORY = Path(__file__).parent.parent / "docs" / "emails"
MOST_BYTES = 100_000
COLOURS = 64

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (600, 360)
OTHER_LANGUAGES = (("pickup_reminder", "af"), ("new_listing", "zu"))

BREAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 534 260">
<rect width="534" height="260" fill="#f3dfb8"/>
<rect y="190" width="534" height="70" fill="#c98f4e"/>
<g fill="#b06a2c"><ellipse cx="185" cy="165" rx="120" ry="62"/>
<ellipse cx="370" cy="172" rx="100" ry="52"/></g>
<g fill="#d68f45"><ellipse cx="185" cy="153" rx="112" ry="50"/>
<ellipse cx="370" cy="162" rx="92" ry="41"/></g>
<g stroke="#f6e3c0" stroke-width="9" stroke-linecap="round">
<path d="M120 132l22 36M165 118l24 44M212 118l22 42M318 140l18 34M360 132l20 38M402 138l16 32"/>
</g></svg>"""
GREENS = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 44 44">
<rect width="44" height="44" fill="#2f8f5b"/><path d="M22 36V20" stroke="#fff" stroke-width="3"/>
<g fill="#d9f2c4"><path d="M22 24c-9 0-12-6-12-12 8 0 12 4 12 12z"/>
<path d="M22 20c0-7 4-11 12-11 0 7-4 11-12 11z"/></g>
</svg>"""


async def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=sorted(SAMPLES), help="one kind")
    only = parser.parse_args().only
    wanted = [(kind, "en") for kind in SAMPLES] + list(OTHER_LANGUAGES)
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for kind, locale in wanted:
            if only in {None, kind}:
                await _take(browser, kind, locale)
        await browser.close()


async def _take(browser: Browser, kind: str, locale: str) -> None:
    templates = FileTemplates("https://savenbite.example")
    rendered = await templates.render(
        sample(kind, locale=locale), unsubscribe_url="https://savenbite.example/unsubscribe/x/"
    )
    name = kind if locale == "en" else f"{kind}-{locale}"
    for width in WIDTHS:
        for scheme in SCHEMES:
            page = await browser.new_page(
                viewport={"width": width, "height": 400}, color_scheme=scheme
            )
            await page.route(PICTURES + "**", _picture)
            await page.set_content(rendered.html, wait_until="load")
            needs = await page.evaluate("document.documentElement.scrollWidth")
            assert needs == width, f"{kind} is {needs} px wide on a screen of {width}"
            picture = _small(await page.screenshot(full_page=True))
            path = DIRECTORY / f"{name}-{width}-{scheme}.png"
            assert len(picture) < MOST_BYTES, f"{path.name} has {len(picture)} bytes"
            path.write_bytes(picture)
            print(f"{path.name}: {len(picture):,} bytes")
            await page.close()


async def _picture(route: Route) -> None:
    body = BREAD if route.request.url.endswith("bread.svg") else GREENS
    await route.fulfill(body=body, content_type="image/svg+xml")


def _small(png: bytes) -> bytes:
    """Return the picture with few colours: text and plain areas lose nothing that can be seen."""
    made = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
    return made.getvalue()


if __name__ == "__main__":
    asyncio.run(main())
