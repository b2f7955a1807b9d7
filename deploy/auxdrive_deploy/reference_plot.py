"""A bundle's `reference.png`: recorded images, and below each one, seen from above with axes in
metres, the path that the student predicts beside the one that was recorded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from auxdrive.inspection.overlay import PREDICTED, RECORDED
from auxdrive.inspection.painting import png
from auxdrive.inspection.palette import FAINT, INK, SOFT
from auxdrive.tasks.base import Drawing, TaskSpec
from auxdrive.types import Float32, UInt8
from PIL import Image, ImageDraw, ImageFont

PLOT_NAME = "reference.png"
PANELS, IN_A_ROW = 6, 3
WIDTH, GAP = 400, 20
"""Width of a panel and the gap between panels, in pixels."""
_TEXT, _SMALL, _LINE = 17, 15, 22
_LEFT, _AXES_HEIGHT, _BELOW = 48, 230, 46
_LEAST_AHEAD_M, _LEAST_ASIDE_M = 5.0, 2.0
_PAPER = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class _Axes:
    """The axes of all panels: forward is up, left is left, with one scale for both.

    Attributes:
        ahead_m: lowest and highest distance ahead.
        aside_m: largest distance to either side.
        step_m: distance between ticks.
        scale: pixels per metre.
    """

    ahead_m: tuple[float, float]
    aside_m: float
    step_m: float
    scale: float

    def at(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Pixels from the upper left corner of the axes, for a point in the ego frame."""
        return (
            (self.aside_m - y_m) * self.scale,
            (self.ahead_m[1] - x_m) * self.scale,
        )

    def ticks(self, low: float, high: float) -> Iterator[float]:
        first, last = math.ceil(low / self.step_m - 1e-9), math.floor(high / self.step_m + 1e-9)
        return (k * self.step_m for k in range(first, last + 1))


def reference_plot(task: TaskSpec, images: UInt8, outputs: Float32, labels: Float32) -> bytes:
    """The PNG file.

    Args:
        task: the student's task.
        images: uint8 (N, H, W, 3); up to six, evenly spread, are shown.
        outputs: (N, *label_shape), what the student predicts.
        labels: (N, *label_shape), what was recorded.
    """
    count = min(PANELS, len(images))
    chosen = np.unique(np.linspace(0, len(images) - 1, count).round().astype(int)).tolist()
    pairs = [(task.drawing(outputs[i]), task.drawing(labels[i])) for i in chosen]
    drawings = [drawing for pair in pairs for drawing in pair]
    axes = _axes(drawings) if any(len(drawing.path_p2) > 1 for drawing in drawings) else None
    shown = [_of_panel_width(images[index]) for index in chosen]
    tall = shown[0].height
    panel = tall + 2 * _LINE + 12 + (_AXES_HEIGHT + _BELOW if axes else 0)
    columns = min(IN_A_ROW, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    size = (columns * (WIDTH + GAP) + GAP, rows * (panel + GAP) + _LINE + GAP)
    canvas = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(canvas)
    _legend(draw)
    for place, (image, (predicted, recorded)) in enumerate(zip(shown, pairs, strict=True)):
        left = GAP + place % columns * (WIDTH + GAP)
        top = _LINE + GAP + place // columns * (panel + GAP)
        canvas.paste(image, (left, top))
        for row, (name, drawing) in enumerate((("predicted", predicted), ("recorded", recorded))):
            text = f"{name} {drawing.text}"
            draw.text((left, top + tall + 4 + row * _LINE), text, fill=INK, font=_font(_TEXT))
        if axes is not None:
            corner = (left + _LEFT, top + tall + 2 * _LINE + 12)
            _draw_axes(draw, corner, axes)
            _draw_path(draw, corner, axes, recorded, RECORDED, width=9)
            _draw_path(draw, corner, axes, predicted, PREDICTED, width=3)
    return png(np.asarray(canvas))


def _of_panel_width(image: UInt8) -> Image.Image:
    """The image at the panel's width: reduced, or enlarged by a whole factor so that pixels stay
    square.
    """
    made, wide = Image.fromarray(image), image.shape[1]
    if wide > WIDTH:
        tall = max(1, round(WIDTH * image.shape[0] / wide))
        return made.resize((WIDTH, tall), Image.Resampling.BOX)
    times = WIDTH // wide
    return made.resize((times * wide, times * image.shape[0]), Image.Resampling.NEAREST)


def _axes(drawings: Sequence[Drawing]) -> _Axes:
    """Axes on which all paths fit."""
    points = np.concatenate([drawing.path_p2 for drawing in drawings]).astype(np.float64)
    low, high = min(0.0, float(points[:, 0].min())), max(_LEAST_AHEAD_M, float(points[:, 0].max()))
    aside_m = max(_LEAST_ASIDE_M, float(np.abs(points[:, 1]).max()))
    wide = WIDTH - _LEFT
    scale = min(_AXES_HEIGHT / (high - low) / 1.08, wide / (2 * aside_m) / 1.08)
    high = low + _AXES_HEIGHT / scale
    rough = (high - low) / 4
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step_m = magnitude * next(factor for factor in (1, 2, 5, 10) if factor * magnitude >= rough)
    return _Axes((low, high), wide / scale / 2, step_m, scale)


def _draw_axes(draw: ImageDraw.ImageDraw, corner: tuple[int, int], axes: _Axes) -> None:
    """Draw the frame, the grid and its numbers, which are round."""
    left, top = corner
    right, bottom = left + WIDTH - _LEFT, top + _AXES_HEIGHT
    font = _font(_SMALL)
    for x_m in axes.ticks(*axes.ahead_m):
        y = top + axes.at(x_m, 0.0)[1]
        draw.line([(left, y), (right, y)], fill=FAINT)
        draw.text((left - 6, y), f"{x_m:g}", fill=SOFT, font=font, anchor="rm")
    for y_m in axes.ticks(-axes.aside_m, axes.aside_m):
        x = left + axes.at(0.0, y_m)[0]
        draw.line([(x, top), (x, bottom)], fill=FAINT)
        draw.text((x, bottom + 4), f"{y_m:g}", fill=SOFT, font=font, anchor="ma")
    draw.rectangle((left, top, right, bottom), outline=SOFT)
    draw.text((left + 6, top + 4), "ahead x, m", fill=SOFT, font=font)
    draw.text((right, bottom + 22), "to the left y, m", fill=SOFT, font=font, anchor="ra")


def _draw_path(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    axes: _Axes,
    drawing: Drawing,
    colour: tuple[int, int, int],
    width: int,
) -> None:
    """Draw a path as a line with a dark edge, with a dot at each point that the task predicts."""
    points = [axes.at(x, y) for x, y in drawing.path_p2.astype(np.float64).tolist()]
    places = [(corner[0] + x, corner[1] + y) for x, y in points]
    draw.line(places, fill=INK, width=width + 2, joint="curve")
    draw.line(places, fill=colour, width=width, joint="curve")
    reach = width / 2 + 3
    for x, y in places[1:] if drawing.marks else ():
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour, outline=INK)


def _legend(draw: ImageDraw.ImageDraw) -> None:
    at, middle = GAP, GAP / 2 + _LINE / 2
    known = (("predicted by the student", PREDICTED, 3), ("recorded", RECORDED, 9))
    for name, colour, width in known:
        draw.line([(at, middle), (at + 34, middle)], fill=INK, width=width + 2)
        draw.line([(at, middle), (at + 34, middle)], fill=colour, width=width)
        draw.text((at + 42, middle), name, fill=INK, font=_font(_TEXT), anchor="lm")
        at += round(_font(_TEXT).getlength(name)) + 76


def _font(pixels: int) -> Any:
    return ImageFont.load_default(pixels)
