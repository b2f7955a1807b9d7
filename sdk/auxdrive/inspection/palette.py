"""The colours of everything that auxdrive draws: pages, maps, plots and painted frames.

The colours of names are those of Okabe and Ito ("Color Universal Design", 2008), which stay apart
for readers with any kind of colour blindness; the ramp for numbers is matplotlib's viridis, which
rises evenly in lightness. No drawing relies on colour alone: lines differ in dash or marker, and
marks carry a number or a shape.
"""

from __future__ import annotations

import numpy as np

from auxdrive.types import Float64, UInt8

Colour = tuple[int, int, int]


def css(colour: Colour) -> str:
    """A colour as style sheets and SVG write it: `#0072b2`."""
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
"""Lines and names side by side, in this order. Vermillion is no series: it says what went wrong."""
REFERENCE = css(INK)
"""What the series are held against: the expert, the recorded path."""
WRONG = css((184, 73, 0))
"""What went wrong: vermillion, darkened so that white text on it can be read (contrast 5)."""
RIGHT = css((0, 98, 155))
"""What went well: blue, darkened likewise; red and green look alike to many."""

GROUND, LANE, LINE, ROUTE = "#f1f3f6", "#cfd5dd", "#7b8695", "#4a5565"
"""Of maps: what is no lane, lanes, stop lines (and the axes of charts), the planned route."""

_RAMP = np.array(
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], dtype=np.float64
)
RAMP_CSS = tuple(css((int(r), int(g), int(b))) for r, g, b in _RAMP)
"""The ramp's colours from low to high: dark blue over green to yellow."""

LIDAR_BELOW, LIDAR_ABOVE = SKY, ORANGE
"""Points up to 0.3 m above the ground, and points above."""
CLASS_COLOURS: tuple[Colour, ...] = (
    (90, 90, 90), (128, 64, 128), (235, 235, 235), (244, 35, 232), (110, 80, 70), (107, 142, 35),
    (30, 60, 200), (220, 20, 60), (250, 170, 30), (230, 230, 0), (170, 170, 170), (152, 251, 152),
    (110, 170, 220),
)  # fmt: skip
"""One colour for each of `auxdrive.modalities.SEGMENTATION_CLASSES`, near those of Cityscapes,
which every reader of segmentations knows; the legend names each.
"""


def ramp(share: Float64) -> UInt8:
    """Colours for numbers in 0..1, (...) to (..., 3)."""
    position = np.clip(share, 0.0, 1.0) * (len(_RAMP) - 1)
    anchors = np.arange(len(_RAMP))
    colours: UInt8 = np.stack(
        [np.interp(position, anchors, _RAMP[:, channel]) for channel in range(3)], axis=-1
    ).astype(np.uint8)
    return colours
