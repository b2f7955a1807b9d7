"""GPS positions of a town's points, and back.

The leaderboard gives routes in degrees by a Mercator projection about the map's `geoReference`
(leaderboard/utils/route_manipulation.py), and so do the GNSS sensors of CARLA up to 0.9.15. The
client 0.9.16 has another projection in `Map.transform_to_geolocation`: a transverse Mercator
projection of the sphere with the scale 0.9996, in which latitude grows with CARLA's y, to the
SOUTH. Whoever mixes the two drives mirrored routes: `GeoReference.fitting` tells them apart.

Legend: N points, x and y in the right-handed world frame, metres; latitudes and longitudes in
degrees.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from auxdrive.errors import InputError
from auxdrive.types import AnyArray, Float64

EARTH_M = 6378137.0
DEFAULT_DEG = (42.0, 2.0)
"""Latitude and longitude of the origin where a map has no `geoReference` (the leaderboard's)."""
CLIENT_SCALE = 0.9996
ROUNDS = 12
SAME_M = 1.0
FITS_M = 5.0
"""GNSS sensors of the leaderboard have a standard deviation of half a metre."""


class Projection(Enum):
    """How a position on the map becomes degrees."""

    LEADERBOARD = "leaderboard"
    CLIENT_0_9_16 = "client 0.9.16"


@dataclass(frozen=True, slots=True)
class GeoReference:
    """Where the origin of a map lies on the globe.

    Attributes:
        latitude_deg: of the origin.
        longitude_deg: of the origin.
        projection: how positions become degrees.

    Examples:
        >>> from auxdrive_eval import GeoReference
        >>> geo = GeoReference(0.0, 0.0)
        >>> geo.to_gps([[1000.0, 500.0]]).round(6).tolist()
        [[0.004492, 0.008983]]

    Raises:
        InputError: the latitude does not lie between -90 and 90 degrees, or the longitude is not
            finite.
    """

    latitude_deg: float = DEFAULT_DEG[0]
    longitude_deg: float = DEFAULT_DEG[1]
    projection: Projection = Projection.LEADERBOARD

    def __post_init__(self) -> None:
        if not -90.0 < self.latitude_deg < 90.0 or not math.isfinite(self.longitude_deg):
            raise InputError(
                "the origin of a map has a latitude between -90 and 90 degrees and a finite "
                f"longitude, not {self.latitude_deg} and {self.longitude_deg}"
            )

    @classmethod
    def through(cls, degrees: AnyArray, points_m: AnyArray) -> GeoReference:
        """The origin of a map of which a leaderboard tells the same points in both ways, as it does
        to its agents.

        Args:
            degrees: (N, 2), latitude and longitude; not rounded.
            points_m: (N, 2) or (N, 3), the same points in the world frame.

        Raises:
            InputError: no origin puts all points within a metre of where they are, there are none,
                or not as many of both.
        """
        given, points = _as_many(degrees, points_m)
        latitude, longitude = np.radians(given[0]).tolist()
        x_m, y_m = points[0].tolist()
        nowhere = InputError(
            "no map has its origin where these degrees and positions say; are the positions in "
            "the world frame, y to the left?"
        )
        lat = latitude
        try:
            for _ in range(ROUNDS):  # the origin is some kilometres away: each gains 3 digits
                north = math.asinh(math.tan(latitude)) - y_m / (EARTH_M * math.cos(lat))
                lat = math.atan(math.sinh(north))
        except OverflowError:
            raise nowhere from None
        lon = longitude - x_m / (EARTH_M * math.cos(lat))
        geo = cls(math.degrees(lat), math.degrees(lon))
        if not np.abs(geo.to_world(given) - points).max() < SAME_M:
            raise nowhere
        return geo

    def to_gps(self, points_m: AnyArray) -> Float64:
        """Latitude and longitude of points.

        Args:
            points_m: (N, 2) or (N, 3); z plays no part.

        Returns:
            float64 (N, 2), degrees.

        Raises:
            InputError: the points have another shape.
        """
        points = _rows(points_m, "points_m")
        x_m, y_m = points[..., 0], points[..., 1]
        lat, lon = math.radians(self.latitude_deg), math.radians(self.longitude_deg)
        if self.projection is Projection.LEADERBOARD:
            radius_m = EARTH_M * math.cos(lat)
            north = math.asinh(math.tan(lat)) + y_m / radius_m
            return _degrees(np.arctan(np.sinh(north)), lon + x_m / radius_m)
        radius_m = EARTH_M * CLIENT_SCALE
        south, east = lat - y_m / radius_m, x_m / radius_m
        latitude = np.arcsin(np.sin(south) / np.cosh(east))
        longitude = lon + np.arctan2(np.sinh(east), np.cos(south))
        return _degrees(latitude, longitude)

    def to_world(self, degrees: AnyArray) -> Float64:
        """Points of latitudes and longitudes, the inverse of `to_gps`.

        Args:
            degrees: (N, 2), latitude and longitude.

        Returns:
            float64 (N, 2), metres.

        Raises:
            InputError: the degrees have another shape.
        """
        latitude, longitude = np.radians(np.moveaxis(_rows(degrees, "degrees")[..., :2], -1, 0))
        lat, lon = math.radians(self.latitude_deg), math.radians(self.longitude_deg)
        if self.projection is Projection.LEADERBOARD:
            radius_m = EARTH_M * math.cos(lat)
            north = np.arcsinh(np.tan(latitude)) - math.asinh(math.tan(lat))
            return np.stack([(longitude - lon) * radius_m, north * radius_m], axis=-1)
        radius_m = EARTH_M * CLIENT_SCALE
        east = np.arctanh(np.cos(latitude) * np.sin(longitude - lon))
        south = np.arctan2(np.tan(latitude), np.cos(longitude - lon)) - lat
        return np.stack([east * radius_m, -south * radius_m], axis=-1)

    def fits(self, degrees: AnyArray, points_m: AnyArray) -> tuple[GeoReference, ...]:
        """This origin with each projection that puts some fixes where they were made: within 5 m on
        average.

        Args:
            degrees: (N, 2), latitude and longitude of the fixes.
            points_m: (N, 2), where they were made.

        Raises:
            InputError: there are none, or not as many of both.
        """
        given, points = _as_many(degrees, points_m)
        return tuple(
            geo
            for geo in (replace(self, projection=projection) for projection in Projection)
            if np.hypot(*(geo.to_world(given) - points).T).mean() < FITS_M
        )

    def fitting(self, degrees: AnyArray, points_m: AnyArray) -> GeoReference:
        """This origin with the projection by which some fixes were made at known places.

        Args:
            degrees: (N, 2), latitude and longitude of the fixes.
            points_m: (N, 2), where they were made; at least 100 m to the north or south of the
                origin, where the projections are farther apart than any noise.

        Raises:
            InputError: no projection puts the fixes within 5 m of the places on average, or both
                do; there are none, or not as many of both.
        """
        fits = self.fits(degrees, points_m)
        if len(fits) != 1:
            how = "no projection" if not fits else "more than one projection"
            raise InputError(
                f"{how} puts the GPS fixes where they were made; give fixes at least 100 m north "
                "or south of the map's origin, and the map's own geoReference"
            )
        return fits[0]


def geo_reference(opendrive: str) -> GeoReference:
    """The geo reference of a map: what the leaderboard reads in its header.

    Args:
        opendrive: the map's XML.

    Raises:
        InputError: it gives a latitude or longitude that is no number.
    """
    found = re.search(r"<geoReference>(.*?)</geoReference>", opendrive, re.DOTALL)
    parts = re.sub(r"<!\[CDATA\[|\]\]>", " ", found[1]).split() if found else []
    return GeoReference(*_origin(parts))


def _rows(values: AnyArray, what: str) -> Float64:
    """(..., 2) or (..., 3), as numbers."""
    rows = np.asarray(values, np.float64)
    if rows.ndim == 0 or rows.shape[-1] not in (2, 3):
        raise InputError(f"{what} must have the shape (N, 2) or (N, 3), not {rows.shape}")
    return rows


def _as_many(degrees: AnyArray, points_m: AnyArray) -> tuple[Float64, Float64]:
    """Degrees and points in two columns, the same number of both."""
    given, points = _rows(degrees, "degrees")[..., :2], _rows(points_m, "points_m")[..., :2]
    if given.shape != points.shape or given.ndim != 2 or not len(given):
        raise InputError(
            f"degrees and points_m must be of the same points, (N, 2) each, not {given.shape} and "
            f"{points.shape}"
        )
    return given, points


def _degrees(latitude_rad: Float64, longitude_rad: Float64) -> Float64:
    return np.asarray(np.degrees(np.stack([latitude_rad, longitude_rad], axis=-1)))


def _origin(parts: Iterable[str]) -> tuple[float, float]:
    values = dict(zip(("+lat_0", "+lon_0"), DEFAULT_DEG, strict=True))
    for part in parts:
        name, _, text = part.partition("=")
        if name in values:
            try:
                values[name] = float(text)
            except ValueError:
                raise InputError(f"the map's geoReference says {part[:40]}, no number") from None
    return values["+lat_0"], values["+lon_0"]
