"""What the README says of the way of a notification is so, and no page names what is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DIAGRAM = README.partition("## The way of a notification")[2].split("```")[1]

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]

HOPS = [
    ("server/handlers/events.py", "await accept("),
    ("server/intake.py", "Accept("),
    ("actors/dispatcher.py", "self._lanes.hand("),
    ("actors/fan_out_lane.py", "await tell(self._publisher"),
    ("actors/telling.py", "await publisher.publish("),
    ("actors/publisher.py", "self._directory.deliver("),
    ("actors/user.py", "attached.announce("),
    ("actors/attachment.py", "self.connection.send("),
    ("server/transport.py", "def send(self, frame: bytes)"),
]
"""Each file on the way, and the line by which it hands on."""


def test_the_diagram_names_files_that_exist() -> None:
    named = re.findall(r"[a-z_]+(?:/[a-z_]+)+\.py", DIAGRAM)
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_diagram_names_the_hops_in_their_order() -> None:
    places = [DIAGRAM.find(name) for name, _ in HOPS]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize(("name", "line"), HOPS)
def test_each_hop_hands_on_as_the_diagram_says(name: str, line: str) -> None:
    assert line in (ROOT / name).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(re.findall(r"`([A-Za-z_./-]+\.(?:md|py|js))`", page.read_text()))
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
