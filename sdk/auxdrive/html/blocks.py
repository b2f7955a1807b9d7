"""Building blocks of a report, written in `templates/` (Jinja2). Text is escaped unless it is
`Markup`, which the blocks make.

    page("Title", [paragraph("text"), table(("a", "b"), [(1, 2)])])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from auxdrive.html.document import STYLE, head
from auxdrive.inspection.painting import data_uri

__all__ = [
    "Markup", "beside", "element", "escape", "figure", "film_strip", "folded",
    "image", "legend", "page", "paragraph", "preformatted", "section", "swatch", "table", "tiles",
]  # fmt: skip


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("auxdrive.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    environment = _environment()
    assert environment.loader is not None
    own, _, _ = environment.loader.get_source(environment, "style.css")
    return STYLE + own


def _block(name: str, *arguments: object) -> Markup:
    blocks: Any = _environment().get_template("blocks.html.j2").module
    made: Markup = getattr(blocks, name)(*arguments)
    return made


def page(title: str, parts: Iterable[object], subtitle: str = "") -> str:
    """A whole document."""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            head=Markup(head(title, _style())), title=title, subtitle=subtitle, parts=list(parts)
        )
        + "\n"
    )


def element(name: str, *parts: object, css: str = "") -> Markup:
    """`<name class="css">parts</name>`."""
    return _block("element", name, parts, css)


def section(title: str, *parts: object) -> Markup:
    """A section with its heading."""
    return _block("section", title, parts)


def paragraph(value: object, css: str = "") -> Markup:
    """A paragraph; css 'soft' is grey, 'notice' is a box that must be read."""
    return element("p", value, css=css)


def folded(title: object, *parts: object, opened: bool = False) -> Markup:
    """Parts behind their title, which a click shows and hides."""
    return _block("folded", title, parts, opened)


def beside(*columns: Iterable[object]) -> Markup:
    """Columns of parts, one beside the other as far as the window is wide."""
    return _block("beside", columns)


LONG = 30
"""Text of so many characters may be broken into lines; what is shorter never is."""


def table(
    columns: Sequence[object],
    rows: Iterable[Sequence[object]],
    text_columns: Iterable[int] = (),
    groups: Sequence[tuple[str, int]] = (),
) -> Markup:
    """A table that is moved sideways where it is too wide for the window. Heads stand as their
    columns do: the first and `text_columns` flush left, numbers flush right.

    Args:
        columns: their heads.
        rows: a cell for each column.
        text_columns: the columns beside the first that hold text.
        groups: heads over several columns each, from the left: (text or "", number of columns).
    """
    listed = [tuple(row) for row in rows]
    texts = {0, *text_columns}

    def style(column: int) -> str:
        cells = [columns[column], *(row[column] for row in listed if column < len(row))]
        long = column in texts and max(len(escape(cell).striptags()) for cell in cells) > LONG
        return " ".join(["text"] * (column in texts and column > 0) + ["long"] * long)

    styles = [style(column) for column in range(len(columns))]
    return _block("table", columns, listed, styles, groups)


def tiles(values: Iterable[tuple[str, str]]) -> Markup:
    """A few numbers that matter, large: (value, what it is)."""
    return _block("tiles", values)


def preformatted(value: object) -> Markup:
    """Text whose line breaks matter, such as a traceback."""
    return element("pre", value)


def image(data: bytes, alt: str, width_px: int | None = None) -> Markup:
    """A PNG or JPEG image inside the document.

    Args:
        data: the file.
        alt: what it shows, in words.
        width_px: on a window that is wide enough; None is the image's own.
    """
    return _block("image", _uri(data), alt, width_px)


def _uri(data: bytes) -> str:
    return data_uri(data, "image/png" if data.startswith(b"\x89PNG") else "image/jpeg")


def figure(content: Markup, caption: str = "") -> Markup:
    """An image or drawing with its caption."""
    return _block("figure", content, caption)


def swatch(colour: str) -> Markup:
    """A patch of a CSS colour or gradient."""
    return _block("swatch", colour)


def legend(keys: Iterable[tuple[object, str]]) -> Markup:
    """What colours and signs mean.

    Args:
        keys: (a CSS colour, a gradient, or a drawing as `Markup`; its meaning).
    """
    return _block(
        "legend",
        [
            (drawn if isinstance(drawn, Markup) else swatch(str(drawn)), meaning)
            for drawn, meaning in keys
        ],
    )


def film_strip(shots: Iterable[tuple[bytes, str, str]]) -> Markup:
    """Small images in their order.

    Args:
        shots: (a PNG or JPEG image, its caption, the number of what happened there or "").
    """
    return _block("film", [(_uri(data), caption, mark) for data, caption, mark in shots])
