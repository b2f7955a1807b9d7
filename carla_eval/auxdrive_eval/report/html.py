"""Building blocks of a report. Text is escaped unless it is `Markup`, which these functions alone
make.

page("Title", [paragraph("text"), table(("a", "b"), [(1, 2)]), figure_png(figure, "caption")])
"""

from __future__ import annotations

import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from auxdrive.inspection.html import head
from auxdrive.inspection.painting import data_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
:root { --ink: #1c2430; --soft: #5b6675; --line: #d9dee5; --paper: #ffffff;
        --shade: #f4f6f9; --bad: #b3261e; --good: #1b7f4b }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1080px; padding: 2rem 1.25rem 4rem; color: var(--ink);
       background: var(--paper);
       font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; padding-top: .8rem;
     border-top: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem }
p { margin: .4rem 0 .8rem; max-width: 46rem } .soft { color: var(--soft) }
.notice { background: #fff6e0; border-left: 4px solid #d99a00; padding: .6rem .9rem;
          max-width: none }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; font-variant-numeric: tabular-nums }
th, td { padding: .32rem .8rem; text-align: right; border-bottom: 1px solid var(--line);
         vertical-align: top }
th { color: var(--soft); font-weight: 600; font-size: .86rem } td { font-size: .94rem }
th:first-child, td:first-child, td.text { text-align: left }
.wide { overflow-x: auto }
figure { margin: .8rem 0 } figcaption { color: var(--soft); font-size: .86rem; margin-top: .25rem }
figure > img, figure > svg { max-width: 100%; height: auto; border: 1px solid var(--line);
                            border-radius: 4px }
.film { display: grid; grid-template-columns: repeat(4, 1fr); gap: 6px }
.film figure { margin: 0 } .film img { display: block; width: 100% }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0 }
.tile { background: var(--shade); border-radius: 6px; padding: .7rem 1.1rem; min-width: 9rem }
.tile b { display: block; font-size: 1.5rem; line-height: 1.2 }
.tile span { color: var(--soft); font-size: .86rem }
pre { background: var(--shade); padding: .7rem; overflow-x: auto; font-size: .82rem;
      border-radius: 4px }
.bad { color: var(--bad) } .good { color: var(--good) }
@media (max-width: 640px) { .film { grid-template-columns: repeat(2, 1fr) } }
"""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Any value as escaped text; Markup as it is."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value), quote=True))


def join(parts: Iterable[object]) -> Markup:
    """Parts, one after the other."""
    return Markup("\n".join(text(part) for part in parts))


def element(name: str, *parts: object, css: str = "") -> Markup:
    """`<name class="css">parts</name>`."""
    attribute = f' class="{html.escape(css, quote=True)}"' if css else ""
    return Markup(f"<{name}{attribute}>{join(parts)}</{name}>")


def page(title: str, parts: Iterable[object], subtitle: str = "") -> str:
    """A whole document."""
    body = join(
        [
            element("h1", title),
            element("p", subtitle, css="soft") if subtitle else Markup(""),
            *parts,
        ]
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head(title, _STYLE)}</head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def section(title: str, *parts: object) -> Markup:
    """A section with its heading."""
    return element("section", element("h2", title), *parts)


def paragraph(value: object, css: str = "") -> Markup:
    """A paragraph; css 'soft' is grey, 'notice' is a box that must be read."""
    return element("p", value, css=css)


def table(
    columns: Sequence[object], rows: Iterable[Sequence[object]], text_columns: Iterable[int] = ()
) -> Markup:
    """A table: first column and `text_columns` flush left, numbers flush right."""
    left = set(text_columns)
    head = element("tr", *(element("th", column) for column in columns))
    body = [
        element(
            "tr",
            *(element("td", cell, css="text" if i in left else "") for i, cell in enumerate(row)),
        )
        for row in rows
    ]
    return element(
        "div", element("table", element("thead", head), element("tbody", *body)), css="wide"
    )


def tiles(values: Iterable[tuple[str, str]]) -> Markup:
    """A few numbers that matter, large: (value, what it is)."""
    return element(
        "div",
        *(
            element("div", element("b", value), element("span", what), css="tile")
            for value, what in values
        ),
        css="tiles",
    )


def preformatted(value: object) -> Markup:
    """Text whose line breaks matter, such as a traceback."""
    return element("pre", value)


def image(data: bytes, mime: str, alt: str) -> Markup:
    """A picture inside the document."""
    source = html.escape(data_uri(data, mime), quote=True)
    return Markup(f'<img src="{source}" alt="{html.escape(alt, quote=True)}">')


def figure(content: Markup, caption: str = "") -> Markup:
    """A picture or drawing with its caption."""
    return element("figure", content, element("figcaption", caption) if caption else Markup(""))


def figure_png(drawn: Figure, caption: str = "", dpi: int = 110) -> Markup:
    """A matplotlib figure as a PNG inside the document."""
    buffer = io.BytesIO()
    # Without the software's version, so that equal figures are equal bytes.
    drawn.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", metadata={"Software": None})
    return figure(image(buffer.getvalue(), "image/png", caption), caption)


def film_strip(shots: Iterable[tuple[float, bytes]]) -> Markup:
    """JPEG pictures with the time at which each was taken."""
    frames = [
        figure(image(data, "image/jpeg", f"camera at {time_s:.0f} s"), f"{time_s:.1f} s")
        for time_s, data in shots
    ]
    return element("div", *frames, css="film")
