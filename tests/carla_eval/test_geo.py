"""GPS both ways: the leaderboard's projection, and that of the client 0.9.16, whose latitude grows
to the south.
"""

from __future__ import annotations

import math

import carla_towns
import numpy as np
import pytest
from auxdrive.errors import InputError
from auxdrive_eval.road_maps.geo import GeoReference, Projection, geo_reference
from hypothesis import given
from hypothesis import strategies as st

metres = st.floats(-20_000.0, 20_000.0)
references = st.builds(
    GeoReference, st.floats(-60.0, 60.0), st.floats(-179.0, 179.0), st.sampled_from(Projection)
)


@given(references, metres, metres)
def test_there_and_back(geo: GeoReference, x_m: float, y_m: float) -> None:
    back = geo.to_world(geo.to_gps(np.array([[x_m, y_m]])))
    assert np.abs(back - (x_m, y_m)).max() < 1e-6


@given(st.floats(-60, 60), st.floats(-179, 179), st.lists(st.tuples(metres, metres), min_size=1))
def test_the_origin_follows_from_an_agents_plan(
    lat: float, lon: float, points: list[tuple[float, float]]
) -> None:
    geo = GeoReference(lat, lon)
    found = GeoReference.through(geo.to_gps(points), points)
    assert (found.latitude_deg, found.longitude_deg) == pytest.approx((lat, lon), abs=1e-9)


def test_an_agents_plan_that_is_mirrored_has_no_origin() -> None:
    points = np.array([[10.0, 20.0], [300.0, -400.0]])
    with pytest.raises(InputError, match="y to the left"):
        GeoReference.through(GeoReference(35.0, -101.0).to_gps(points), points * (1.0, -1.0))


def leaderboards(lat_ref: float, lon_ref: float, x: float, y: float) -> tuple[float, float]:
    """The formula of the leaderboard (CARLA's y to the right)."""
    earth, scale = 6378137.0, math.cos(math.radians(lat_ref))
    mx = scale * lon_ref * math.pi * earth / 180 + x
    my = scale * earth * math.log(math.tan((90 + lat_ref) * math.pi / 360)) - y
    lat = 360 * math.atan(math.exp(my / (earth * scale))) / math.pi - 90
    return lat, mx * 180 / (math.pi * earth * scale)


@given(st.floats(-60, 60), st.floats(-179, 179), metres, metres)
def test_it_is_the_leaderboards(lat: float, lon: float, x_m: float, y_m: float) -> None:
    ours = GeoReference(lat, lon).to_gps(np.array([x_m, y_m]))
    assert ours == pytest.approx(leaderboards(lat, lon, x_m, -y_m), abs=2e-10)


def test_the_client_0_9_16_mirrors_latitudes() -> None:
    """Should this fail with a newer client, its projection has changed: see `Projection`."""
    carla_towns.needs_carla()
    import carla

    if not hasattr(carla.Map, "geolocation_to_transform"):
        pytest.skip("a client before 0.9.16")
    client = carla.Map("Road", carla_towns.ROAD.replace("35.25", "0").replace("-101.5", "0"))
    points = np.array([[10.0, -20.0], [1000.0, 5000.0], [80_000.0, -40_000.0]])
    found = [client.transform_to_geolocation(carla.Location(x, -y, 0.0)) for x, y in points]
    theirs = np.array([(fix.latitude, fix.longitude) for fix in found])
    geo = GeoReference(0.0, 0.0)
    assert geo.to_gps(points)[:, 0] @ theirs[:, 0] < 0  # north there is south here
    assert GeoReference(0.0, 0.0, Projection.CLIENT_0_9_16).to_gps(points) == pytest.approx(
        theirs, abs=1e-12
    )
    assert geo.fitting(theirs, points).projection is Projection.CLIENT_0_9_16


@pytest.mark.parametrize("projection", Projection)
def test_the_projection_of_fixes_at_known_places_is_found(projection: Projection) -> None:
    points = np.array([[10.0, 200.0], [14.0, 201.0]])
    fixes = GeoReference(0.0, 0.0, projection).to_gps(points) + 5e-6
    assert GeoReference(0.0, 0.0).fitting(fixes, points).projection is projection


@pytest.mark.parametrize("origin", [(91.0, 0.0), (-90.0, 0.0), (math.nan, 0.0), (0.0, math.inf)])
def test_an_origin_that_is_nowhere_is_refused(origin: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="latitude between -90 and 90"):
        GeoReference(*origin)
    with pytest.raises(InputError, match="latitude between -90 and 90"):
        geo_reference("<geoReference>+lat_0={} +lon_0={}</geoReference>".format(*origin))


def test_points_of_another_shape_are_refused() -> None:
    geo = GeoReference(0.0, 0.0)
    for rows in ([], [[]], [[1.0]], [[1.0, 2.0, 3.0, 4.0]], 5.0):
        for convert in (geo.to_gps, geo.to_world):
            with pytest.raises(InputError, match="must have the shape"):
                convert(rows)
    one, two = [[0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]
    for degrees, points in ((one, two), (two, one), (one[0], one[0])):
        for ask in (geo.fitting, GeoReference.through):
            with pytest.raises(InputError, match="of the same points"):
                ask(degrees, points)


def test_an_agents_plan_beyond_the_globe_has_no_origin() -> None:
    with pytest.raises(InputError, match="no map has its origin"):
        GeoReference.through([[10.0, 10.0]], [[0.0, 1e12]])


def test_fixes_that_tell_nothing_are_refused() -> None:
    geo = GeoReference(0.0, 0.0)
    with pytest.raises(InputError, match="more than one projection"):
        geo.fitting(geo.to_gps(np.zeros((1, 2))), np.zeros((1, 2)))
    with pytest.raises(InputError, match="no projection"):
        geo.fitting(np.array([[10.0, 10.0]]), np.zeros((1, 2)))


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("<geoReference><![CDATA[+proj=tmerc +lat_0=49 +lon_0=8 +k=1]]></geoReference>", (49, 8)),
        ("<geoReference>+lat_0=1.5\n+lon_0=-2</geoReference>", (1.5, -2)),
        ("<geoReference/>", (42, 2)),
        ("", (42, 2)),
    ],
)
def test_the_origin_stands_in_the_maps_header(text: str, origin: tuple[float, float]) -> None:
    geo = geo_reference(f"<OpenDRIVE><header>{text}</header></OpenDRIVE>")
    assert (geo.latitude_deg, geo.longitude_deg) == origin
