"""Whether the text of a file is OpenDRIVE, before the stock client reads it: that ends the whole
process where a road has no shape.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from auxdrive.errors import DataError

SHAPES = ("line", "arc", "spiral", "poly3", "paramPoly3")
NUMBERS = {
    "geometry": ("s", "x", "y", "hdg", "length"),
    "laneSection": ("s",),
    "width": ("sOffset", "a", "b", "c", "d"),
    "laneOffset": ("s", "a", "b", "c", "d"),
    "elevation": ("s", "a", "b", "c", "d"),
    "arc": ("curvature",),
    "signal": ("s", "t"),
    "signalReference": ("s", "t"),
}
"""Attributes that must be finite numbers."""
LONGER_M, LONGER_SHARE = 1.0, 0.01
"""By how much a road may be longer than its geometries together."""
FARTHEST = 1e7
"""No number of a town is larger: metres, or radians."""


def check_opendrive(path: Path, text: str) -> None:
    """Refuse a text that is no OpenDRIVE map, or that the stock client would not survive.

    Args:
        path: of the file, for messages.
        text: its content.

    Raises:
        DataError: it is not XML, has a document type declaration (which could expand without end),
            or has another root; a road has no length, geometry or lanes; a geometry has no shape
            that OpenDRIVE knows; or a number is missing, not finite, or too large.
    """
    _Check(path).read(text)


class _Check:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._open: list[str] = []
        self._roads = 0
        self._held: dict[str, int] = {}
        self._road_m = self._drawn_m = 0.0

    def read(self, text: str) -> None:
        try:
            self._parser.Parse(text.encode(), True)
        except expat.ExpatError as error:
            raise DataError(f"{self._path}: is not XML: {error}") from None
        if not self._roads:
            raise DataError(f"{self._path}: holds no roads; is it an OpenDRIVE file?")

    def _refuse(self, what: str) -> NoReturn:
        raise DataError(f"{self._path}, line {self._parser.CurrentLineNumber}: {what}")

    def _refuse_doctype(self, *_: object) -> None:
        self._refuse("has a document type declaration, which no map needs")

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open and tag != "OpenDRIVE":
            self._refuse(f"the root element is <{tag}>; that of a map is <OpenDRIVE>")
        if tag == "road":
            self._roads += 1
            self._held = dict.fromkeys(("geometry", "laneSection", "lane"), 0)
            self._road_m, self._drawn_m = self._number(tag, attributes, "length"), 0.0
            if not self._road_m > 0:
                self._refuse(f"a road is {attributes['length']} m long")
        if tag in self._held:
            self._held[tag] += 1
        if tag == "geometry":
            self._held["shape"] = 0
            length_m = self._number(tag, attributes, "length")
            if not length_m > 0:
                self._refuse(f"a geometry is {attributes['length']} m long")
            self._drawn_m += length_m
        if self._open and self._open[-1] == "geometry" and tag in SHAPES:
            self._held["shape"] += 1
        for name in NUMBERS.get(tag, ()):
            self._number(tag, attributes, name)
        self._open.append(tag)

    def _end(self, tag: str) -> None:
        self._open.pop()
        if tag == "geometry" and self._held["shape"] != 1:
            self._refuse(f"a geometry has not one shape of {', '.join(SHAPES)}")
        if tag == "road":
            for part in ("geometry", "laneSection", "lane"):
                if not self._held[part]:
                    self._refuse(f"a road has no <{part}>")
            if self._road_m > self._drawn_m + LONGER_M + LONGER_SHARE * self._drawn_m:
                self._refuse(
                    f"a road is {self._road_m:.1f} m long, and its geometries {self._drawn_m:.1f} m"
                )

    def _number(self, tag: str, attributes: dict[str, str], name: str) -> float:
        text = attributes.get(name, "")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not abs(number) <= FARTHEST:
            self._refuse(f"<{tag}> has {name}='{text[:30]}'; a number up to {FARTHEST:g} is needed")
        return number
