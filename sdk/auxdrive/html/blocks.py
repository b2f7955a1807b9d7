"""The building blocks of pages, written in `templates/` (Jinja2). Text is escaped, unless it is the
`Markup` that blocks give.

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
    "video",
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
    """A whole page.

    Args:
        title: of the page.
        parts: its blocks and texts, from top to bottom.
        subtitle: below the title.
    """
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            head=Markup(head(title, _style())), title=title, subtitle=subtitle, parts=list(parts)
        )
        + "\n"
    )


def element(name: str, *parts: object, css: str = "") -> Markup:
    """`<name class="css">parts</name>`.

    Args:
        name: of the element: "li".
        parts: markup, or texts, which are escaped.
        css: its classes; none by default.
    """
    return _block("element", name, parts, css)


def section(title: str, *parts: object) -> Markup:
    """A section with its heading.

    Args:
        title: the heading.
        parts: its blocks and texts, from top to bottom.
    """
    return _block("section", title, parts)


def paragraph(value: object, css: str = "") -> Markup:
    """A paragraph.

    Args:
        value: its text or markup.
        css: its class; "soft" is grey, "notice" is a box that must be read.
    """
    return element("p", value, css=css)


def folded(title: object, *parts: object, opened: bool = False) -> Markup:
    """Parts that a click on their title shows or hides.

    Args:
        title: of the parts.
        parts: blocks and texts.
        opened: whether they are shown at first.
    """
    return _block("folded", title, parts, opened)


def beside(*columns: Iterable[object]) -> Markup:
    """Columns of parts, side by side where the window is wide enough."""
    return _block("beside", columns)


LONG = 30
"""Text of more characters than this may be broken into lines; shorter text never is."""


def table(
    columns: Sequence[object],
    rows: Iterable[Sequence[object]],
    text_columns: Iterable[int] = (),
    groups: Sequence[tuple[str, int]] = (),
) -> Markup:
    """A table. It can be scrolled sideways where the window is too narrow. Text columns and their
    heads are aligned left, numbers right.

    Args:
        columns: heads of the columns.
        rows: a cell for each column.
        text_columns: indices of the columns that hold text, beside the first, which always does.
        groups: heads above several columns each, from left to right: the text (may be empty) and
            the number of columns.
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
    """A few important numbers in large type.

    Args:
        values: each number and what it is.
    """
    return _block("tiles", values)


def preformatted(value: object) -> Markup:
    """Text whose line breaks matter, such as a traceback."""
    return element("pre", value)


def image(data: bytes, alt: str, width_px: int | None = None) -> Markup:
    """A PNG or JPEG image inside the page.

    Args:
        data: the content of the file.
        alt: what the image shows, in words.
        width_px: its width where the window is wide enough; None for the image's own.
    """
    return _block("image", _uri(data), alt, width_px)


def _uri(data: bytes) -> str:
    return data_uri(data, "image/png" if data.startswith(b"\x89PNG") else "image/jpeg")


def video(data: bytes, label: str) -> Markup:
    """A video inside the page, with the browser's own controls.

    Args:
        data: the content of an MP4 file.
        label: what it shows, in words.
    """
    return _block("video", data_uri(data, "video/mp4"), label)


def figure(content: Markup, caption: str = "") -> Markup:
    """An image or drawing with its caption.

    Args:
        content: the image or drawing, such as `image` makes it.
        caption: below it; none by default.
    """
    return _block("figure", content, caption)


def swatch(colour: str) -> Markup:
    """A small patch of a CSS colour or gradient."""
    return _block("swatch", colour)


def legend(keys: Iterable[tuple[object, str]]) -> Markup:
    """A legend: what colours and signs mean.

    Args:
        keys: each a CSS colour, a gradient or a drawing (`Markup`), with its meaning.
    """
    return _block(
        "legend",
        [
            (drawn if isinstance(drawn, Markup) else swatch(str(drawn)), meaning)
            for drawn, meaning in keys
        ],
    )


def film_strip(shots: Iterable[tuple[bytes, str, str]]) -> Markup:
    """Small images in a row.

    Args:
        shots: each a PNG or JPEG image, its caption, and the number of the event that it shows (""
            for none).
    """
    return _block("film", [(_uri(data), caption, mark) for data, caption, mark in shots])
