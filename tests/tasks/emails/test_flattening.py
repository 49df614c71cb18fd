from __future__ import annotations

import pytest
from jinja2 import Environment

from tasks.emails.flattening import block_of, flatten
from tasks.emails.pieces import TemplateRefused

ENVIRONMENT = Environment(trim_blocks=True, lstrip_blocks=True)
LAYOUT = (
    "<{% block a %}one{% endblock %}|"
    "{% block b %}two {% block c %}three{% endblock %}{% endblock %}>"
)
OTHERS = {
    "layout": LAYOUT,
    "middle": '{% extends "layout" %}{% block a %}middle{% endblock %}{% block c %}3{% endblock %}',
    "loop": '{% extends "loop" %}',
}


def flat(source: str) -> str:
    return flatten(ENVIRONMENT, source, OTHERS.__getitem__)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("plain {{ x }}", "plain {{ x }}"),
        (LAYOUT, "<one|two three>"),
        ('{% extends "layout" %}', "<one|two three>"),
        ('{% extends "layout" %}\n{# why #}\n{% block a %}1{% endblock %}', "<1|two three>"),
        ('{% extends "layout" %}{% block c %}{{ x }}{% endblock %}', "<one|two {{ x }}>"),
        ('{% extends "layout" %}{% block b %}B{% endblock %}', "<one|B>"),
        ('{% extends "layout" %}{% block nobody_asks %}B{% endblock %}', "<one|two three>"),
        ('{% extends "middle" %}{% block a %}mine{% endblock %}', "<mine|two 3>"),
        (
            '{% extends "layout" %}{% block a %}{% block a %}x{% endblock %}{% endblock %}',
            "<x|two three>",
        ),
        (
            '{% extends "layout" %}{% block a %}{% if x %}y{% endif %}{% endblock %}',
            "<{% if x %}y{% endif %}|two three>",
        ),
        ("{% raw %}{{ x }}{% endraw %}", "{% raw %}{{ x }}{% endraw %}"),
    ],
)
def test_blocks_take_the_places_of_those_they_replace(source: str, result: str) -> None:
    assert flat(source) == result


@pytest.mark.parametrize(
    ("source", "line", "problem"),
    [
        ('{% extends "nothing" %}', 1, "extends what there is not"),
        ("\n{% extends %}", 2, "extends what there is not"),
        ('{% extends "loop" %}', 1, "extends more than 8 others"),
        ('{% extends "layout" %}\n\nlost {{ x }}', 3, "outside of the blocks"),
        ('{% extends "layout" %}\n{% block a %}\n{{ super() }}\n{% endblock %}', 3, "super"),
        ("a\n{% include 'layout' %}", 2, "include is not supported"),
        ("a\n{% block b %}", 2, "a block that does not end"),
        ("a\n{% endblock %}", 2, "endblock without a block"),
        ("a\n{{ x", 2, "does not end"),
        ("a\n\n{% if 'x %}", 3, "unexpected char"),
    ],
)
def test_what_cannot_be_made_one_is_refused_with_its_line(
    source: str, line: int, problem: str
) -> None:
    with pytest.raises(TemplateRefused, match=problem) as refused:
        flat(source)
    assert refused.value.line == line


def test_one_block_can_be_had_alone() -> None:
    source = "{% block a %}\n one {{ x }} {% block b %}two{% endblock %}\n{% endblock %}"
    assert block_of(ENVIRONMENT, source, "a") == "one {{ x }} two"
    with pytest.raises(TemplateRefused):
        block_of(ENVIRONMENT, source, "c")
