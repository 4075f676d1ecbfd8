"""Blocks with colour, columns and branches; the home of rich, and loaded for a terminal only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text as Styled
from rich.tree import Tree as Branches

from ...tools.contract import Block, Lines, Table, Tree
from .text import safe

MOST_ROWS = 24
"""Rows of a result's table on a terminal: the answer must not scroll away. Plans to be approved are never shortened."""


def draw(blocks: Sequence[Block], out: TextIO) -> None:
    """Write them below a summary, indented. Raises OSError when nobody reads."""
    console = Console(file=out, highlight=False, markup=False, emoji=False, force_terminal=True)
    for block in blocks:
        if not isinstance(block, Tree) and block.title:
            console.print()
        console.print(Padding(_drawn(block), (0, 0, 0, 2)))


def _drawn(block: Block) -> Any:
    """A block as rich draws it. All data goes in as Text, so that none of it is read as markup."""
    match block:
        case Lines(lines, title):
            body = [Styled(safe(line)) for line in lines]
            return Group(*([Styled(safe(title), "bold")] if title else []), *body)
        case Table():
            grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", title_style="bold")
            for column in block.columns:
                grid.add_column(safe(column), overflow="fold")
            shown = block.rows if len(block.rows) <= MOST_ROWS else block.rows[: MOST_ROWS - 4]
            for row in shown:
                grid.add_row(*(Styled(safe(cell)) for cell in row))
            left = len(block.rows) - len(shown)
            more = [Styled(f"… {left} more; piped or with --json all are shown", "dim")] if left else []
            return Group(*([Styled(safe(block.title), "bold")] if block.title else []), grid, *more)
        case Tree():
            root = Branches(Styled(safe(block.label), "bold"), guide_style="dim")
            todo = [(root, block)]
            while todo:
                branch, tree = todo.pop()
                todo += [(branch.add(Styled(safe(child.label))), child) for child in tree.children]
            return root
