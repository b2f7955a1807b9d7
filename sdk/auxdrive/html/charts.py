"""Line charts as SVG inside a page: axes with round numbers and whole epochs, a legend, and the
values of points under the mouse. Lines differ in colour and dashes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auxdrive.html.blocks import Markup, escape, figure, legend
from auxdrive.inspection.palette import LINE, REFERENCE, SERIES

WIDTH, HEIGHT = 380, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 42
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "1 2")
_MOST_TICKS = 6
_MOST_DOTS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart.

    Attributes:
        name: in the legend.
        points: x and y of each; the line is broken where y is None or not finite.
        reference: whether others are compared with it; it is then drawn dark and dashed.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    reference: bool = False


def line_chart(
    title: str,
    lines: Sequence[Line],
    x_label: str,
    breaks: Sequence[float] = (),
    marked: tuple[float, float, str] | None = None,
) -> Markup:
    """A chart with its title and legend.

    Args:
        title: what is shown, with its unit.
        lines: of the chart. If they hold no finite number, the chart says so.
        x_label: below the horizontal axis, whose numbers are whole.
        breaks: places on the horizontal axis of thin vertical lines.
        marked: a point to mark with a ring: x, y, and its text.
    """
    known = [(x, y) for line in lines for x, y in _finite(line)]
    if not known:
        return figure(Markup("<p class='soft'>nothing was recorded</p>"), title)
    xs, ys = [x for x, _ in known], [y for _, y in known]
    x_ticks = whole_ticks(min(xs), max(xs))
    y_ticks = round_ticks(min(ys), max(ys))
    area = _Area(min(xs), max(max(xs), min(xs) + 1), y_ticks[0], y_ticks[-1])
    parts = [*_axes(area, x_ticks, y_ticks, x_label)]
    parts += [
        f'<line x1="{area.x(x):.1f}" y1="{_TOP}" x2="{area.x(x):.1f}" y2="{HEIGHT - _BOTTOM}" '
        f'stroke="{LINE}" stroke-dasharray="3 3"/>'
        for x in breaks
    ]
    keys = []
    for place, line in enumerate(lines):
        colour, dash = (REFERENCE, "4 4") if line.reference else _look(place)
        parts += _drawn(area, line, colour, dash)
        keys.append((_sample(colour, dash), line.name))
    if marked is not None and math.isfinite(marked[1]):
        x, y = area.x(marked[0]), area.y(marked[1])
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="none" stroke="{REFERENCE}" '
            f'stroke-width="2"><title>{escape(marked[2])}</title></circle>'
        )
        ring = f'<circle cx="7" cy="7" r="5" fill="none" stroke="{REFERENCE}" stroke-width="2"/>'
        keys.append((Markup(f'<svg width="14" height="14">{ring}</svg>'), marked[2]))
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    svg = Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
    heading = Markup('<figcaption class="title">{}</figcaption>').format(title)
    named = legend(keys) if len(keys) > 1 or keys[0][1] not in title else Markup()
    return Markup("<figure>{}{}{}</figure>").format(heading, svg, named)


def _look(place: int) -> tuple[str, str]:
    """Colour and dashes of a line by its place. The first 25 all look different."""
    again = place // len(SERIES)
    return SERIES[place % len(SERIES)], _DASHES[(place + again) % len(_DASHES)]


@dataclass(frozen=True, slots=True)
class _Area:
    """The area of a chart: converts values to pixels.

    Attributes:
        x_low: value at the left end.
        x_high: value at the right end.
        y_low: value at the bottom.
        y_high: value at the top.
    """

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        """The pixels from the left of a value of x."""
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return _LEFT + 6 + share * (WIDTH - _LEFT - _RIGHT - 12)

    def y(self, value: float) -> float:
        """The pixels from the top of a value of y."""
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def whole_ticks(low: float, high: float) -> list[int]:
    """The numbers of a horizontal axis: at most `_MOST_TICKS` whole numbers within the bounds,
    evenly spaced.

    Args:
        low: the axis's left end.
        high: its right end.
    """
    first, last = math.ceil(low), math.floor(high)
    step = next(
        size * 10**power
        for power in range(18)
        for size in (1, 2, 5)
        if (last - first) / (size * 10**power) <= _MOST_TICKS - 1
    )
    begin = first if step == 1 else math.ceil(first / step) * step
    return list(range(begin, last + 1, step)) or [first]


def round_ticks(low: float, high: float) -> list[float]:
    """The numbers of a vertical axis: round numbers from below `low` to above `high`, evenly
    spaced.

    Args:
        low: the least value that is drawn.
        high: the largest one; where both are equal, the axis reaches as far below as above them.
    """
    if not high > low:
        margin = abs(high) or 1.0
        low, high = (low - margin / 2, high + margin / 2)
    rough = (high - low) / (_MOST_TICKS - 2)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """The numbers of an axis as text, all with the same power of ten where they are very small or
    large.
    """
    power = math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9)
    if power >= -3 and max(map(abs, ticks)) < 1e6:
        return [f"{tick:.6g}" for tick in ticks]
    return [f"{tick / 10.0**power:.3g}e{power}" if tick else "0" for tick in ticks]


def _finite(line: Line) -> Iterator[tuple[float, float]]:
    for x, y in line.points:
        if y is not None and math.isfinite(y):
            yield x, y


def _axes(
    area: _Area, x_ticks: Sequence[int], y_ticks: Sequence[float], x_label: str
) -> Iterator[str]:
    base = HEIGHT - _BOTTOM
    for tick, label in zip(y_ticks, tick_labels(y_ticks), strict=True):
        y = area.y(tick)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}" class="grid"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    for tick in x_ticks:
        x = area.x(tick)
        yield f'<line x1="{x:.1f}" y1="{base}" x2="{x:.1f}" y2="{base + 4}" stroke="{LINE}"/>'
        yield f'<text x="{x:.1f}" y="{base + 17}" text-anchor="middle">{tick}</text>'
    yield f'<line x1="{_LEFT}" y1="{base}" x2="{WIDTH - _RIGHT}" y2="{base}" stroke="{LINE}"/>'
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_label)}</text>'


def _drawn(area: _Area, line: Line, colour: str, dash: str) -> Iterator[str]:
    style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
    for stretch in _stretches(line):
        path = " ".join(f"{area.x(x):.1f},{area.y(y):.1f}" for x, y in stretch)
        yield f'<polyline points="{path}" {style}/>'
    points = [] if line.reference or len(line.points) > _MOST_DOTS else list(_finite(line))
    for x, y in points:
        told = escape(f"{line.name}, {x:g}: {y:.4g}")
        yield (
            f'<circle cx="{area.x(x):.1f}" cy="{area.y(y):.1f}" r="2.6" fill="{colour}">'
            f"<title>{told}</title></circle>"
        )


def _stretches(line: Line) -> list[list[tuple[float, float]]]:
    """The parts of a line between its missing numbers."""
    found: list[list[tuple[float, float]]] = [[]]
    for x, y in line.points:
        if y is None or not math.isfinite(y):
            found.append([])
        else:
            found[-1].append((x, y))
    return [each for each in found if len(each) > 1]


def _sample(colour: str, dash: str) -> Markup:
    stroke = f'stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}"'
    line = f'<line x1="0" y1="6" x2="26" y2="6" {stroke}/>'
    return Markup(f'<svg width="26" height="12">{line}</svg>')
