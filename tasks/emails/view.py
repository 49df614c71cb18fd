"""What templates see of a letter: words and addresses that are safe to show, or None."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules.timezones import zone_of
from tasks.emails.formats import Formats, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.emails.links import Links
    from tasks.letter import Letter, Party

PREFERENCES_PATH = "/settings/notifications"
"""Of the platform's own pages, as the paths of buttons are."""

MOST_BUTTONS = 3


class Given:
    """An object of a notification's data; what it does not have is None, not an error."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: object) -> Any:
        value = self._values.get(name) if isinstance(name, str) else None
        return Given(value) if isinstance(value, dict) else value

    def merged(self, values: dict[str, Any]) -> Given:
        """Return it with `values` instead of its own."""
        return Given(self._values | values)

    def __str__(self) -> str:
        return ""


def objects(value: Any) -> list[Given]:
    """Return those entries of a list that are objects."""
    return (
        [Given(each) for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    )


def view_of(letter: Letter, links: Links, *, language: str, unsubscribe_url: str) -> dict[str, Any]:
    """Return what a template is rendered with."""
    business = letter.business
    buttons = [_button(button, links) for button in letter.action_buttons[:MOST_BUTTONS]]
    return {
        "language": language,
        "formats": Formats(language, letter.timezone),
        "kind": letter.kind,
        "title": letter.title,
        "message": letter.message,
        "name": text(letter.recipient_name),
        "sender": text(letter.sender_name),
        "business": _business(business, links) if business and text(business.name) else None,
        "data": Given(letter.data),
        "buttons": [button for button in buttons if button],
        "app_url": links.action(letter.data.get("deep_link")),
        "image_url": links.image(letter.image_url),
        "home_url": links.public_url + "/",
        "preferences_url": links.public_url + PREFERENCES_PATH,
        "unsubscribe_url": unsubscribe_url,
        "year": letter.created_at.astimezone(zone_of(letter.timezone)).year,
    }


def _button(button: dict[str, Any], links: Links) -> dict[str, str] | None:
    """Return a button that leads somewhere; one that only the app understands has no place here."""
    label, url = text(button.get("text")), links.action(button.get("url"))
    return {"text": label, "url": url} if label and url else None


def _business(business: Party, links: Links) -> dict[str, str | None]:
    name = text(business.name) or ""
    return {"name": name, "initial": name[:1].upper(), "logo": links.image(business.logo)}


def with_context(view: dict[str, Any], context: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return `view` with what an admin would like to see instead; of `data`, key by key.

    How things are formatted stays as it was.
    """
    changed: dict[str, Any] = {}
    for name, value in (context or {}).items():
        known = view.get(name)
        if not isinstance(value, dict):
            changed[name] = value
        elif isinstance(known, Given):
            changed[name] = known.merged(value)
        else:
            changed[name] = Given(value)
    return view | changed | {"formats": view["formats"]}
