"""What the page says was measured is what the files say."""

from __future__ import annotations

from bench.performance_page import BLOCK, PAGE, measured


def test_the_tables_of_the_page_are_those_of_the_files() -> None:
    page = PAGE.read_text("utf-8")
    blocks = {found[2] for found in BLOCK.finditer(page)}
    assert blocks == {"table", "sizing", "balanced", "crowded", "processes", "bus"}
    assert measured(page) == page
