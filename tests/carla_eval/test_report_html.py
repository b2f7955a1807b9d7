"""The blocks of a report: everything is escaped, inside the file, and well formed."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from auxdrive.html.blocks import (
    Markup,
    beside,
    element,
    escape,
    figure_png,
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
from auxdrive.types import RoadOption
from auxdrive_eval.driving.runner import TRACE_DTYPE
from auxdrive_eval.report.town_map import draw_map, speed_legend
from auxdrive_eval.world import Route
from hypothesis import given
from hypothesis import strategies as st

VOID = {"meta", "img", "br"}


class Tree(HTMLParser):
    """Checks that tags close in order, and collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.data.append(data)


def parse(document: str) -> Tree:
    tree = Tree()
    tree.feed(document)
    tree.close()
    assert tree.open == []
    return tree


hostile = st.one_of(
    st.text(),
    st.sampled_from(
        ["<script>alert(1)</script>", '"><img src=x onerror=a>', "&lt;", "a & b", "'", "</td>"]
    ),
)


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


def test_a_matplotlib_figure_is_inside_and_always_the_same_bytes() -> None:
    from matplotlib.figure import Figure

    def draw() -> Markup:
        figure = Figure(figsize=(2, 1))
        figure.subplots().plot([0, 1], [0, 1])
        return figure_png(figure, "a <line>")

    assert draw() == draw()
    tree = parse(draw())
    assert tree.tags[1][1]["src"].startswith("data:image/png;base64,iVBOR")  # type: ignore[union-attr]
    assert "a <line>" in tree.data


def straight() -> Route:
    points = np.stack([np.arange(50.0), np.zeros(50)], axis=1)
    return Route(
        "0",
        "EmbeddedTown0000",
        ((0.0, 0.0), (49.0, 0.0)),
        points,
        np.zeros(50),
        (RoadOption.LANE_FOLLOW,) * 50,
    )


def test_a_map_shows_lanes_route_path_and_marks() -> None:
    trace = np.zeros(100, TRACE_DTYPE)
    trace["x_m"] = np.linspace(0, 49, 100)
    trace["speed_mps"] = np.linspace(0, 12, 100)
    lanes = [
        (np.stack([np.arange(60.0), np.full(60, 1.75)], axis=1), 3.5),
        (np.full((5, 2), 900.0), 3.5),
    ]
    tree = parse(draw_map(lanes, straight(), trace, [("1", (20.0, 1.0)), ("<2>", (30.0, 1.0))]))
    lines = [attributes for tag, attributes in tree.tags if tag == "polyline"]
    # One lane in view of two, the route, and five stretches of speed.
    assert len(lines) == 1 + 1 + 5
    assert tree.data == ["1", "<2>"]
    assert "m/s" in speed_legend()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_a_lane_on_the_map_reaches_both_its_ends(count: int) -> None:
    centreline = np.stack([np.arange(float(count)), np.full(count, 2.0)], axis=1)
    lane = next(
        attributes
        for tag, attributes in parse(
            draw_map([(centreline, 3.5)], straight(), np.zeros(2, TRACE_DTYPE), [])
        ).tags
        if tag == "polyline"
    )
    points = (lane["points"] or "").split()
    assert (points[0], points[-1]) == ("0.0,-2.0", f"{count - 1:.1f},-2.0")
    assert len(points) <= max(count // 2 + 1, 3)


def test_a_map_of_a_drive_that_never_began() -> None:
    tree = parse(draw_map([], straight(), np.zeros(0, TRACE_DTYPE), []))
    assert sum(tag == "polyline" for tag, _ in tree.tags) == 1
