"""What a driver commands, drawn below an image: bars of steering, throttle and brake, and lines of
text. For videos of drives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from auxdrive.inspection.palette import BLUE, FAINT, GREEN, INK, VERMILLION, Colour
from auxdrive.types import Control, UInt8

_PAPER: Colour = (255, 255, 255)
_LINE_PIXELS, _FONT_PIXELS, _MARGIN, _LINES = 18, 13, 8, 3
_BAR_PIXELS, _LABEL_PIXELS, _BARS_SHARE = 10, 62, 0.42
_HEIGHT = _LINES * _LINE_PIXELS + 10


def with_controls(
    image: UInt8, control: Control, max_steer_rad: float, lines: Sequence[tuple[str, Colour]]
) -> UInt8:
    """An image with what is commanded below it.

    Args:
        image: uint8 (H, W, 3), at least some 300 pixels wide.
        control: its steering is positive to the left, and its bar grows to the left.
        max_steer_rad: the maximum steering angle, where the bar ends.
        lines: up to three texts with their colours; what is too long for its line is cut off.

    Returns:
        uint8 (H + 64, W, 3), where H + 64 and W are made even. The size depends on that of the
        image alone.
    """
    height, width = image.shape[:2]
    canvas = Image.new("RGB", (width + width % 2, height + height % 2 + _HEIGHT), _PAPER)
    canvas.paste(Image.fromarray(image), (0, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(_FONT_PIXELS)
    top = height + height % 2 + 5
    left = round(width * (1 - _BARS_SHARE))
    for row, (text, colour) in enumerate(lines[:_LINES]):
        fitting = _cut(text, font, left - 2 * _MARGIN)
        draw.text((_MARGIN, top + row * _LINE_PIXELS), fitting, fill=colour, font=font)
    steer = control.steer_rad / max_steer_rad
    bars = (
        ("steering", -steer, True, BLUE),
        ("throttle", control.throttle, False, GREEN),
        ("brake", control.brake, False, VERMILLION),
    )
    for row, (name, share, both_ways, colour) in enumerate(bars):
        at = top + row * _LINE_PIXELS
        draw.text((left, at), name, fill=INK, font=font)
        span = (left + _LABEL_PIXELS, width - _MARGIN)
        _bar(draw, span, at + 4, float(np.clip(share, -1, 1)), both_ways, colour)
    return np.asarray(canvas)


def _bar(
    draw: ImageDraw.ImageDraw,
    span: tuple[int, int],
    top: int,
    share: float,
    both_ways: bool,
    colour: Colour,
) -> None:
    """A bar that is filled from its zero: its middle if it goes both ways, else its left end."""
    low, high = span
    draw.rectangle((low, top, high, top + _BAR_PIXELS), fill=FAINT)
    zero = (low + high) / 2 if both_ways else low
    end = zero + share * (high - zero)
    if end != zero:
        draw.rectangle((min(zero, end), top, max(zero, end), top + _BAR_PIXELS), fill=colour)
    if both_ways:
        draw.line((zero, top - 2, zero, top + _BAR_PIXELS + 2), fill=INK)


def _cut(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
