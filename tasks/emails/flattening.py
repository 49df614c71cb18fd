"""Make one template of a chain of `{% extends %}`, because CSS is inlined into whole documents.

Written for what mails need: a template that extends another consists of blocks; what stands
outside of them is refused, and so are `super()`, `include` and `import`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.emails.pieces import Form, Piece, TemplateRefused, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jinja2 import Environment

LONGEST_CHAIN = 8

_LOADS = frozenset({"include", "import", "from"})


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    line: int
    content: list[Piece | _Block]


def flatten(environment: Environment, source: str, load: Callable[[str], str]) -> str:
    """Return `source` with all that it extends; `load` gives the others, or raises LookupError.

    Raises TemplateRefused.
    """
    blocks: dict[str, _Block] = {}
    for _ in range(LONGEST_CHAIN):
        parent, tree = _read(environment, source)
        if parent is None:
            return "".join(_written(tree, blocks))
        blocks = _blocks_of(tree) | blocks
        try:
            source = load(parent.words[1])
        except (LookupError, IndexError):
            raise TemplateRefused(parent.line, "extends what there is not") from None
    raise TemplateRefused(1, f"extends more than {LONGEST_CHAIN} others")


def block_of(environment: Environment, source: str, name: str) -> str:
    """Return what stands in the block `name` of `source`; raise TemplateRefused."""
    _, tree = _read(environment, source)
    found = _blocks_of(tree).get(name)
    if found is None:
        raise TemplateRefused(1, f"has no block {name}")
    return "".join(_written(found.content, {})).strip()


def _read(environment: Environment, source: str) -> tuple[Piece | None, list[Piece | _Block]]:
    """Return the `extends` of `source`, if it has one, and the rest as a tree."""
    parent: Piece | None = None
    root = _Block("", 1, [])
    open_blocks = [root]
    for piece in pieces_of(environment, source):
        tag = piece.words[0] if piece.form is Form.TAG and piece.words else None
        if tag in _LOADS or (piece.form is Form.EXPRESSION and piece.words[:1] == ("super",)):
            raise TemplateRefused(piece.line, f"{piece.words[0]} is not supported")
        if tag == "extends":
            parent = piece
        elif tag == "block":
            block = _Block("".join(piece.words[1:2]), piece.line, [])
            open_blocks[-1].content.append(block)
            open_blocks.append(block)
        elif tag == "endblock":
            if len(open_blocks) == 1:
                raise TemplateRefused(piece.line, "endblock without a block")
            open_blocks.pop()
        else:
            open_blocks[-1].content.append(piece)
    if len(open_blocks) > 1:
        raise TemplateRefused(open_blocks[-1].line, "a block that does not end")
    if parent is not None:
        _check_nothing_outside(root)
    return parent, root.content


def _check_nothing_outside(root: _Block) -> None:
    for each in root.content:
        if isinstance(each, Piece) and each.source.strip():
            blank = each.source[: -len(each.source.lstrip())]
            raise TemplateRefused(
                each.line + blank.count("\n"), "outside of the blocks, which nobody would see"
            )


def _blocks_of(tree: list[Piece | _Block]) -> dict[str, _Block]:
    found: dict[str, _Block] = {}
    for each in tree:
        if isinstance(each, _Block):
            found[each.name] = each
            found.update(_blocks_of(each.content))
    return found


def _written(tree: list[Piece | _Block], blocks: Mapping[str, _Block]) -> Iterator[str]:
    for each in tree:
        if isinstance(each, Piece):
            yield each.source
        else:
            # Without itself: a block within its own replacement would never end.
            others = {name: block for name, block in blocks.items() if name != each.name}
            yield from _written(blocks.get(each.name, each).content, others)
