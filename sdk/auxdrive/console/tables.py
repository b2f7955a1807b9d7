"""Tables on standard output. Where one is wider than the terminal, words and numbers stay whole:
its cells break between words, then its frame goes, and at last each row is a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from auxdrive.console.speech import message, printable, stdout
from auxdrive.console.standard_streams import result_written

FIRST_WIDTH = 20
"""The first column, which says what a row is, keeps this width where its cells are wider."""
LONG_WORD = 24
"""A longer word, such as a path or a hash, may be broken."""
_LIGHT: dict[str, Any] = {"box": SIMPLE_HEAD, "padding": 0, "show_edge": False}
_Side = Literal["left", "right"]


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], text: Sequence[str] = ()
) -> None:
    """Print a table on standard output.

    Args:
        title: of the table.
        columns: their heads.
        rows: a cell for each column; None for an empty one.
        text: heads of the columns that are aligned left, as the first always is. The others hold
            numbers and are aligned right.
    """
    # As `Text`, since rich would take parts of some file names for markup.
    heads = [Text("\n".join(map(printable, column.split("\n")))) for column in columns]
    cells = [[Text("" if cell is None else message(str(cell))) for cell in row] for row in rows]
    sides: list[_Side] = ["left" if column in text else "right" for column in columns]
    sides[:1] = ["left"]
    with result_written():
        stdout.print(_fitted(Text(printable(title)), heads, cells, sides, stdout.width))


def _fitted(
    title: Text, heads: list[Text], rows: list[list[Text]], sides: list[_Side], width: int
) -> Table | Group:
    """The table as it fits.

    Args:
        title: of the table.
        heads: of the columns.
        rows: a cell for each column.
        sides: on which the columns are aligned.
        width: of the terminal.
    """
    columns = [list(column) for column in zip(heads, *rows, strict=True)]
    whole = [max(map(_width, column)) for column in columns]
    least = [
        min(max(max(map(_longest_word, column)), FIRST_WIDTH if index == 0 else 0), wide)
        for index, (column, wide) in enumerate(zip(columns, whole, strict=True))
    ]
    count = len(columns)
    for style, frame in ((dict[str, Any](), 3 * count + 1), (_LIGHT, count - 1)):
        if widths := _shared(whole, least, width - frame):
            drawn = Table(title=title, title_justify="left", header_style="bold", **style)
            for head, side, wide in zip(heads, sides, widths, strict=True):
                drawn.add_column(head, justify=side, overflow="fold", width=wide)
            for row in rows:
                drawn.add_row(*row)
            return drawn
    return _listed(title, heads, rows, width)


def _shared(whole: list[int], least: list[int], width: int) -> list[int] | None:
    """The width of each column, the widest being narrowed first; None where they do not fit.

    Args:
        whole: the width of each if nothing is broken.
        least: the least width of each.
        width: of all together.
    """
    if sum(least) > width:
        return None
    widths = list(whole)
    while sum(widths) > width:
        _, widest = max((wide, index) for index, wide in enumerate(widths) if wide > least[index])
        widths[widest] -= 1
    return widths


def _listed(title: Text, heads: list[Text], rows: list[list[Text]], width: int) -> Group:
    """Each row as a list, without what is empty: its first cell and, below it, the others with
    their heads.

    Args:
        title: of the table.
        heads: of the columns.
        rows: a cell for each column.
        width: of the terminal.
    """
    lines = [Text(title.plain, "italic")]
    for first, *others in rows:
        lines.append(Text(first.plain, "bold"))
        told = ""
        for head, cell in zip(heads[1:], others, strict=True):
            if not cell.plain:
                continue
            what = " ".join(head.plain.split())
            each = f"  {what}: {cell.plain}" if what else f"  {cell.plain}"
            if told and cell_len(told + each) > width:
                lines.append(Text(told))
                told = ""
            told += each
        lines += [Text(told)] if told else []
    return Group(*lines)


def _width(text: Text) -> int:
    return max(map(cell_len, text.plain.split("\n")))


def _longest_word(text: Text) -> int:
    return min(max(map(cell_len, text.plain.split()), default=0), LONG_WORD)
