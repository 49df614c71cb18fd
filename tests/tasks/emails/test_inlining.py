from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment
from premailer import transform
from tornado.testing import bind_unused_port

from tasks.emails.inlining import inline_css
from tasks.emails.pieces import TemplateRefused

ENVIRONMENT = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
PAGE = """<!DOCTYPE html>
<html><head><style>p { color: red } td.fact { padding: 4px }</style>
<style data-premailer="ignore">@media (max-width: 480px) { p { color: blue !important } }</style>
</head><body>%s</body></html>"""


def inlined(body: str) -> str:
    return inline_css(ENVIRONMENT, PAGE % body)


def test_styles_are_written_into_the_tags_and_media_queries_stay() -> None:
    html = inlined("<p>{{ x }}</p>")
    assert '<p style="color:red">{{ x }}</p>' in html
    assert html.startswith("<!DOCTYPE html>")
    assert "p { color: red }" not in html
    assert "@media (max-width: 480px) { p { color: blue !important } }" in html


@pytest.mark.parametrize(
    "body",
    [
        '<a href="{{ url }}?a={{ t | e }}&amp;b=1">x</a>',
        "<p>{{ n > 1 and '<b>' }}</p>",
        "{% if n > 1 %}<p>{{ '}}' }}</p>{% endif %}",
        "{% set x %}a{% endset %}",
        "{% raw %}{{ not an expression }}{% endraw %}",
        '<img alt="{{ title }}" src="{{ image }}">',
    ],
)
def test_what_jinja_reads_is_left_as_it_was(body: str) -> None:
    html = inlined(body)
    for piece in body.replace("{%", "\0{%").replace("%}", "%}\0").split("\0"):
        if piece.startswith("{%"):
            assert piece in html
    ENVIRONMENT.from_string(html)


def test_a_loop_in_a_table_stays_where_it_was() -> None:
    source = PAGE % (
        '<table>{% for x in xs %}<tr><td class="fact">{{ x }}</td></tr>{% endfor %}</table>'
    )
    once = ENVIRONMENT.from_string(inline_css(ENVIRONMENT, source)).render(xs=["a", "<b>"])
    each = transform(ENVIRONMENT.from_string(source).render(xs=["a", "<b>"]))
    assert once.count('style="padding:4px"') == 2
    assert "".join(once.split()) == "".join(each.split()).replace(
        "<style>p{color:red}td.fact{padding:4px}</style>", ""
    )


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("<p>\n<a {% if x %}href='y'{% endif %}>z</a></p>", 5),
        ("\n\n<{{ tag }}>x</p>", 6),
        ("<p {{ attributes }}>x</p>", 4),
        ("</body></html><title>{% if x %}x{% endif %}</title>", 4),
    ],
)
def test_a_tag_where_html_has_no_place_for_it_is_refused(body: str, line: int) -> None:
    with pytest.raises(TemplateRefused, match="no place for it") as refused:
        inlined(body)
    assert refused.value.line == line


@pytest.mark.parametrize("source", ["", "   "])
def test_what_is_no_html_is_refused(source: str) -> None:
    with pytest.raises(TemplateRefused, match="is no HTML"):
        inline_css(ENVIRONMENT, source)


def test_no_file_and_no_address_is_fetched() -> None:
    html = inline_css(
        ENVIRONMENT,
        '<html><head><link rel="stylesheet" href="/etc/hostname"></head><body>x</body></html>',
    )
    assert 'href="/etc/hostname"' in html


@pytest.mark.parametrize("written", ["@import", "@IMPORT", "@\\69mport"])
def test_no_style_is_imported(written: str, tmp_path: Path) -> None:
    style = tmp_path / "style.css"
    style.write_text("p { color: blue }")
    with bind_unused_port()[0] as listening:
        listening.setblocking(False)
        port = listening.getsockname()[1]
        for url in (style.as_uri(), f"http://127.0.0.1:{port}/style.css", "/etc/hostname"):
            source = f"<style>{written} url('{url}'); p {{ color: red }}</style><p>x</p>"
            with pytest.raises(TemplateRefused, match="@import is not supported"):
                inline_css(ENVIRONMENT, source)
        with pytest.raises(BlockingIOError):
            listening.accept()
