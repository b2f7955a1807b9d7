"""Route files of leaderboard 1.0: the real one, and files that are written and read again."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from auxdrive.errors import DataError
from auxdrive_eval.routes import RouteSpec, load_routes, write_routes
from auxdrive_eval.weather import Weather
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from route_text import WAYPOINTS, read

SHARED = Path(os.environ.get("AUXDRIVE_SHARED", Path(__file__).resolve().parents[2] / "../shared"))
DEVTEST = SHARED / "carla/routes/leaderboard1_devtest.xml"


def test_the_leaderboards_devtest_file() -> None:
    if not DEVTEST.exists():
        pytest.skip(f"the leaderboard's routes are not here: {DEVTEST}")
    specs = load_routes(DEVTEST)
    assert [(spec.route_id, spec.town) for spec in specs] == [
        ("0", "Town01"),
        ("1", "Town03"),
        ("2", "Town04"),
        ("3", "Town06"),
    ]
    first = specs[0]
    assert len(first.keypoints) == 11
    # y to the right became y to the left
    assert first.keypoints[0] == (338.7027893066406, -226.75003051757812)
    assert first.weather == Weather(cloudiness=30.0, sun_altitude_deg=70.0)
    assert first.length_m == pytest.approx(737.42, abs=0.01)


metres = st.floats(-1e5, 1e5, allow_nan=False).map(lambda value: value + 0.0)
percent = st.floats(0, 100)
weathers = st.builds(
    Weather,
    percent,
    percent,
    percent,
    percent,
    sun_azimuth_deg=st.floats(0, 360),
    sun_altitude_deg=st.floats(-90, 90),
)
names = st.text("abcdefgh0123456789_<>&\"'é", min_size=1, max_size=8)
routes = st.builds(
    RouteSpec,
    names,
    names,
    st.lists(st.tuples(metres, metres), min_size=2, max_size=5).map(tuple),
    weathers,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(routes, min_size=1, max_size=4, unique_by=lambda spec: spec.route_id))
def test_what_is_written_is_read_back(tmp_path: Path, specs: list[RouteSpec]) -> None:
    write_routes(tmp_path / "routes.xml", specs)
    assert load_routes(tmp_path / "routes.xml") == tuple(specs)


def test_weather_is_read(tmp_path: Path) -> None:
    weather = (
        '<weather cloudiness="80" precipitation="5" sun_altitude_angle="-10" wind_intensity="3"/>'
    )
    (spec,) = read(
        tmp_path, f'<routes><route id="0" town="T">{weather}{WAYPOINTS}</route></routes>'
    )
    assert spec.weather == Weather(80.0, 5.0, 0.0, 0.0, 0.0, -10.0)
    assert spec.keypoints[1] == (1.0, -2.0)


def test_an_unwritable_target(tmp_path: Path) -> None:
    spec = RouteSpec("0", "T", ((0.0, 0.0), (1.0, 0.0)))
    with pytest.raises(DataError, match="cannot write"):
        write_routes(tmp_path / "missing" / "routes.xml", [spec])


def test_the_sun_and_the_headings_are_mirrored_as_y_is(tmp_path: Path) -> None:
    content = (
        '<routes><route id="0" town="T"><weather sun_azimuth_angle="30" sun_altitude_angle="45"/>'
        '<waypoint x="1" y="2" yaw="90"/><waypoint x="3" y="-4"/></route></routes>'
    )
    (spec,) = read(tmp_path, content)
    assert spec.weather.sun_azimuth_deg == -30.0
    assert spec.weather.sun_altitude_deg == 45.0
    assert spec.keypoints == ((1.0, -2.0), (3.0, 4.0))
    assert spec.yaws_rad == (pytest.approx(-math.pi / 2), None)
    write_routes(tmp_path / "again.xml", [spec])
    assert 'sun_azimuth_angle="30.0"' in (tmp_path / "again.xml").read_text()
    assert load_routes(tmp_path / "again.xml") == (spec,)


def test_attributes_of_carlas_weather_that_have_no_effect_pass_and_are_named(
    tmp_path: Path,
) -> None:
    content = (
        '<routes><route id="0" town="T"><weather wind_intensity="10" fog_falloff="0" wetness="5"/>'
        f"{WAYPOINTS}</route></routes>"
    )
    (spec,) = read(tmp_path, content)
    assert spec.without_effect() == ("wind_intensity",)
    assert spec.weather.wetness == 5.0


def test_comments_and_the_turns_that_some_tools_write_pass_and_zeros_are_one(
    tmp_path: Path,
) -> None:
    content = (
        '<routes><!-- a --><route id="0" town="T"><!-- b -->'
        '<weather sun_azimuth_angle="{}" wetness="{}"/>'
        '<waypoint x="0" y="0" connection="LEFT"/><waypoint x="1" y="2"/></route></routes>'
    )
    weathers = [
        read(tmp_path, content.format(*zeros))[0].weather
        for zeros in (("0", "0"), ("-0.0", "-0"), ("0e5", "+0"))
    ]
    assert len({repr(weather) for weather in weathers}) == 1  # what a route's hash is made of
