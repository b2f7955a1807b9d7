"""The colours of everything that auxdrive draws: pages, maps, plots and painted frames.

Things with names have the colours of Okabe and Ito ("Color Universal Design", 2008), which readers
with any kind of colour blindness can tell apart. Numbers have the ramp viridis of matplotlib, whose
lightness rises evenly. No drawing relies on colour alone: lines differ in their dashes or markers,
and marks have a number or a shape.
"""

from __future__ import annotations

import numpy as np

from auxdrive.types import Float64, UInt8

Colour = tuple[int, int, int]


def css(colour: Colour) -> str:
    """A colour in the form of style sheets and SVG: `#0072b2`."""
    return "#" + "".join(f"{part:02x}" for part in colour)


BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0),
)  # fmt: skip
INK: Colour = (28, 36, 48)
SOFT: Colour = (91, 102, 117)
"""Words and numbers beside the matter."""
FAINT: Colour = (217, 222, 229)
"""Rules of tables, grids of plots."""

SERIES = tuple(css(colour) for colour in (BLUE, ORANGE, GREEN, PURPLE, SKY))
"""The colours of several lines or names, in this order. Vermillion is not among them: it marks what
went wrong.
"""
REFERENCE = css(INK)
"""The colour of what others are compared with: the expert, the recorded path."""
WRONG = css((184, 73, 0))
"""The colour of what went wrong: vermillion, darkened so that white text on it can be read
(contrast 5).
"""
RIGHT = css((0, 98, 155))
"""The colour of what went well: blue, darkened likewise. (Many cannot tell green from red.)"""

GROUND, LANE, LINE, ROUTE = "#f1f3f6", "#cfd5dd", "#7b8695", "#4a5565"
"""The colours of maps: ground, lanes, stop lines (and the axes of charts), the planned route."""

_RAMP = np.array(
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], dtype=np.float64
)
RAMP_CSS = tuple(css((int(r), int(g), int(b))) for r, g, b in _RAMP)
"""The colours of the ramp from low to high: from dark blue through green to yellow."""

LIDAR_BELOW, LIDAR_ABOVE = SKY, ORANGE
"""The colours of LiDAR points up to 0.3 m above the ground, and of those above."""
CLASS_COLOURS: tuple[Colour, ...] = (
    (90, 90, 90), (128, 64, 128), (235, 235, 235), (244, 35, 232), (110, 80, 70), (107, 142, 35),
    (30, 60, 200), (220, 20, 60), (250, 170, 30), (230, 230, 0), (170, 170, 170), (152, 251, 152),
    (110, 170, 220), (255, 0, 0), (255, 140, 0), (0, 230, 90), (0, 255, 255), (150, 0, 30),
)  # fmt: skip
"""One colour for each of `auxdrive.modalities.SEGMENTATION_CLASSES`, close to those of Cityscapes,
which many readers know. Legends name each of them.
"""


def ramp(share: Float64) -> UInt8:
    """The ramp's colours for numbers in 0..1, (...) to uint8 (..., 3)."""
    position = np.clip(share, 0.0, 1.0) * (len(_RAMP) - 1)
    anchors = np.arange(len(_RAMP))
    colours: UInt8 = np.stack(
        [np.interp(position, anchors, _RAMP[:, channel]) for channel in range(3)], axis=-1
    ).astype(np.uint8)
    return colours
