"""The blocks of a report: everything is escaped, in the file itself, and well formed."""

from __future__ import annotations

import subprocess
import sys

from auxdrive.html.blocks import (
    Markup,
    beside,
    element,
    escape,
    film_strip,
    folded,
    legend,
    page,
    paragraph,
    preformatted,
    section,
    table,
    tiles,
)
from auxdrive.html.document import STYLE
from hypothesis import given
from page_tree import hostile, parse


@given(hostile)
def test_text_stays_text_wherever_it_goes(value: str) -> None:
    value = value.replace("\r", "")  # the parser, as HTML demands, joins line ends
    parts = [
        paragraph(value),
        table((value, 1), [(value, 1)], text_columns=(0,), groups=((value, 2),)),
        tiles([(value, value)]),
        preformatted(value),
        section(value, element("b", value, css=value)),
        film_strip([(b"x", value, value)]),
        folded(value, value),
        beside([value], [paragraph(value)]),
        legend([("#000", value)]),
    ]
    tree = parse(page(value, parts, value))
    names = {tag for tag, _ in tree.tags}
    assert "script" not in names
    assert sum(tag == "img" for tag, _ in tree.tags) == 1
    assert not any(name.startswith("on") for _, attributes in tree.tags for name in attributes)


def test_markup_is_not_escaped_twice() -> None:
    assert escape(escape("<b>")) == "&lt;b&gt;"
    assert "<b>" not in element("p", "<b>")
    assert element("p", element("b", "<")) == "<p><b>&lt;</b></p>"
    assert table(("a",), [(Markup("<i>x</i>"),)]).count("<i>x</i>") == 1


def test_nothing_comes_from_outside() -> None:
    document = page("t", [paragraph("p")])
    assert "http:" not in document
    assert "https:" not in document
    assert "default-src 'none'" in document


def test_pages_share_one_style_and_the_sdks_needs_no_jinja() -> None:
    assert STYLE in page("t", [])
    code = (
        "import sys; from auxdrive.html.document import STYLE\n"
        "import auxdrive.inspection.page as p\n"
        "print('jinja2' in sys.modules, STYLE in p._STYLE)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]


def test_heads_stand_as_their_columns_do() -> None:
    tree = parse(table(("n", "words", 3), [(1, "a", 2), (4, "b", 5)], text_columns=(1,)))
    cells = [attributes.get("class") for tag, attributes in tree.tags if tag in ("th", "td")]
    assert cells == [None, "text", None] * 3


def test_only_long_texts_are_broken_and_a_table_has_room_of_its_own() -> None:
    tall = "a metric whose name is long enough for two lines"
    tree = parse(
        table(("metric", "a", "why"), [(tall, 1, tall), ("ADE", 2, "")], text_columns=(2,))
    )
    cells = [attributes.get("class") for tag, attributes in tree.tags if tag in ("th", "td")]
    assert cells == ["long", None, "text long"] * 3
    assert tree.tags[0] == ("div", {"class": "wide", "tabindex": "0"})


def test_heads_over_several_columns_span_them() -> None:
    groups = (("", 1), ("without a network", 2))
    tree = parse(table(("metric", "constant", "ego"), [("ADE", 1, 2)], groups=groups))
    spans = [attributes["colspan"] for tag, attributes in tree.tags if "colspan" in attributes]
    assert spans == ["1", "2"]
    assert tree.tags[4][0] == "th"
    assert tree.data.count("without a network") == 1
