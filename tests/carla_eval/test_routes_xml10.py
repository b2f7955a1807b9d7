"""Route files of leaderboard 1.0: the real one, files that are written and read again, and every
mistake that a file can have.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from auxdrive.errors import DataError
from auxdrive_eval.routes import RouteSpec, read_routes, write_routes
from auxdrive_eval.world import Weather
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SHARED = Path(os.environ.get("AUXDRIVE_SHARED", Path(__file__).resolve().parents[2] / "../shared"))
DEVTEST = SHARED / "carla/routes/leaderboard1_devtest.xml"


def test_the_leaderboards_devtest_file() -> None:
    if not DEVTEST.exists():
        pytest.skip(f"the leaderboard's routes are not here: {DEVTEST}")
    specs = read_routes(DEVTEST)
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
    assert read_routes(tmp_path / "routes.xml") == tuple(specs)


WAYPOINTS = '<waypoint x="0" y="0"/><waypoint x="1" y="2"/>'


def read(tmp_path: Path, content: str | bytes) -> tuple[RouteSpec, ...]:
    path = tmp_path / "routes.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_routes(path)


def test_weather_is_read(tmp_path: Path) -> None:
    weather = (
        '<weather cloudiness="80" precipitation="5" sun_altitude_angle="-10" wind_intensity="3"/>'
    )
    (spec,) = read(
        tmp_path, f'<routes><route id="0" town="T">{weather}{WAYPOINTS}</route></routes>'
    )
    assert spec.weather == Weather(80.0, 5.0, 0.0, 0.0, 0.0, -10.0)
    assert spec.keypoints[1] == (1.0, -2.0)


BOMB = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<routes><route id="&b;" town="T"/></routes>'
)
EXTERNAL = (
    '<!DOCTYPE routes SYSTEM "file:///etc/hostname"><routes><route id="0" town="T"/></routes>'
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not well-formed"),
        ("<routes><route", "not well-formed"),
        (b"\xff\xfe\x00<", "not well-formed"),
        (b"<?xml version='1.0' encoding='no-such'?><routes/>", "not well-formed"),
        ("<routes/>", "holds no <route>"),
        ("<scenarios/>", "root element is <scenarios>"),
        (BOMB, "document type declaration"),
        (BOMB.encode("utf-16"), "document type declaration"),
        (EXTERNAL, "document type declaration"),
        (f'<routes><route town="T">{WAYPOINTS}</route></routes>', "has no id"),
        (f'<routes><route id="0">{WAYPOINTS}</route></routes>', "route '0': has no town"),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0"/></route></routes>',
            "has 1 waypoints and needs at least 2",
        ),
        (
            '<routes><route id="0" town="T">'
            '<waypoints><position x="0" y="0"/></waypoints></route></routes>',
            "leaderboard 2",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0"/>'
            '<waypoint x="1"/></route></routes>',
            "waypoint 1: has no y",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="nan" y="0"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "waypoint 0: x=nan",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="-inf"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "not a finite number",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="1e9"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "not a finite number within",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0,5" y="0"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "is no number",
        ),
        (
            '<routes><route id="0" town="T"><weather fog_density="x"/>'
            f"{WAYPOINTS}</route></routes>",
            "weather: fog_density='x'",
        ),
        (
            f'<routes><route id="0" town="T"><weather wetness="101"/>{WAYPOINTS}</route></routes>',
            "weather: wetness=101 does not lie from 0",
        ),
        (
            '<routes><route id="0" town="T"><weather cloudyness="80"/>'
            f"{WAYPOINTS}</route></routes>",
            "weather: .*cloudyness.*cloudiness",
        ),
        (
            '<routes><route id="0" town="T"><weather cloudiness="1_29.4"/>'
            f"{WAYPOINTS}</route></routes>",
            "1_29.4' is no number",
        ),
        (
            '<routes><route id="0" town="T"><weather cloudiness="\u0663"/>'
            f"{WAYPOINTS}</route></routes>",
            "is no number",
        ),
        (
            '<routes><route id="0" town="T"><weather wind_intensity="x"/>'
            f"{WAYPOINTS}</route></routes>",
            "wind_intensity='x' is no number",
        ),
        (
            f'<routes><route id="0" town="T"><weather><sun/></weather>{WAYPOINTS}</route></routes>',
            "weather: holds <sun>",
        ),
        (
            f'<routes><route id="0" town="T"><weather/><weather/>{WAYPOINTS}</route></routes>',
            "has 2 <weather> elements",
        ),
        (
            '<routes><route id="0" town="T"><weathers><weather/></weathers>'
            f"{WAYPOINTS}</route></routes>",
            "holds <weathers>.*weather",
        ),
        (
            f'<routes><route id="0" town="T"><wether/>{WAYPOINTS}</route></routes>',
            "holds <wether>.*weather",
        ),
        (
            f'<routes><weather/><route id="0" town="T">{WAYPOINTS}</route></routes>',
            "holds <weather>.*Valid: route",
        ),
        (
            f'<routes><group><route id="0" town="T">{WAYPOINTS}</route></group></routes>',
            "holds <group>.*Valid: route",
        ),
        (
            f'<routes><Route id="0" town="T">{WAYPOINTS}</Route></routes>',
            "holds <Route>.*Did you mean 'route'",
        ),
        (
            f'<routes sky="grey"><route id="0" town="T">{WAYPOINTS}</route></routes>',
            "<routes> has no attributes, and not 'sky'",
        ),
        (
            f'<routes><route id="0" town="T" weather="Rain">{WAYPOINTS}</route></routes>',
            "unknown attribute 'weather'. Valid: id, town",
        ),
        (
            f'<routes><route id="0" town="T">{WAYPOINTS}rain</route></routes>',
            "holds the text 'rain', and <route> holds none",
        ),
        (
            f'<routes><route id="0" town="T"><weather>rain</weather>{WAYPOINTS}</route></routes>',
            "holds the text 'rain'",
        ),
        (
            '<routes><route id="0" town="T">'
            '<waypoint x="0" y="0"><weather/></waypoint></route></routes>',
            "waypoint 0: holds <weather>",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0" Yaw="9"/></route></routes>',
            "unknown attribute 'Yaw'. Did you mean 'yaw'",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0" pitch="up"/></route></routes>',
            "waypoint 0: pitch='up' is no number",
        ),
        (
            '<routes><route id="0" town="T"><waypoint x="0" y="0" yaw="north"/>'
            '<waypoint x="1" y="1"/></route></routes>',
            "yaw='north'",
        ),
        (
            '<routes><route id="0" town="T"><weather cloudiness="-1"/>'
            f"{WAYPOINTS}</route></routes>",
            "cloudiness=-1 does not lie",
        ),
        (
            '<routes><route id="0" town="T"><weather sun_altitude_angle="99"/>'
            f"{WAYPOINTS}</route></routes>",
            "does not lie from -90 to 90",
        ),
        (
            f'<routes><route id="0" town="T">{WAYPOINTS}</route>'
            f'<route id="0" town="T">{WAYPOINTS}</route></routes>',
            "stands there twice",
        ),
    ],
)
def test_broken_files_are_refused_with_a_reason(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_a_file_that_is_too_large_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="larger than the limit"):
        read(tmp_path, b"<routes>" + b" " * (16 * 2**20))
    with pytest.raises(DataError, match="no such file"):
        read_routes(tmp_path / "missing.xml")
    with pytest.raises(DataError, match="is a folder"):
        read_routes(tmp_path)


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
    assert read_routes(tmp_path / "again.xml") == (spec,)


def test_attributes_of_carlas_weather_that_have_no_effect_pass_and_are_named(
    tmp_path: Path,
) -> None:
    content = (
        '<routes><route id="0" town="T"><weather wind_intensity="10" fog_falloff="0" wetness="5"/>'
        f"{WAYPOINTS}</route></routes>"
    )
    (spec,) = read(tmp_path, content)
    assert spec.without_effect == ("wind_intensity",)
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
