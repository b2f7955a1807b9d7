"""Route files of leaderboard 2.x and Bench2Drive: what is read, and what is refused where."""

from __future__ import annotations

import logging
import math
import os
from contextlib import suppress
from pathlib import Path

import pytest
from auxdrive.errors import DataError
from auxdrive_eval.routes import (
    Place,
    RouteWeather,
    carla_attributes,
    load_routes,
    load_scenarios,
    weather_at,
    write_routes,
    xml_elements,
)
from auxdrive_eval.routes.plan import routes_of_file
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.weather import Weather
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from route_text import POSITIONS, WAYPOINTS, read, route2

SHARED = Path(os.environ.get("AUXDRIVE_SHARED", Path(__file__).resolve().parents[2] / "../shared"))
DEVTEST = SHARED / "carla/routes/leaderboard2_devtest.xml"
SCENARIO = (
    '<scenarios>\n<scenario name="Jam_1" type="Jam">\n'
    '<trigger_point x="3" y="4" z="5" yaw="90"/>\n{}</scenario></scenarios>'
)
MAP_WEATHER = (
    'cloudiness="-1.0" precipitation="-1.0" precipitation_deposits="-1.0" wetness="-1.0" '
    'wind_intensity="-1.0" sun_azimuth_angle="-1.0" sun_altitude_angle="-1.0" fog_density="-1.0"'
)


def test_the_leaderboards_devtest_file_of_version_2() -> None:
    if not DEVTEST.exists():
        pytest.skip(f"the leaderboard's routes are not here: {DEVTEST}")
    first, second = load_routes(DEVTEST)
    assert (first.route_id, first.town, second.town) == ("0", "Town12", "Town12")
    assert first.keypoints[0] == (983.5, -5382.2)
    assert first.heights_m[0] == 371.0
    assert [entry.percentage for entry in first.weathers] == [0.0, 100.0]
    assert first.weathers[1].weather.sun_altitude_deg == 15.0
    assert first.weathers[0].others == {"wind_intensity": 10.0}
    assert len(first.scenarios) + len(second.scenarios) == 119
    opening = first.scenarios[0]
    assert (opening.name, opening.kind) == ("ParkingExit_1", "ParkingExit")
    assert opening.trigger == Place(983.5, -5382.2, 371.0, pytest.approx(-math.pi / 2))
    assert opening.parameters["direction"] == {"value": "right"}


def test_a_route_of_version_2_is_read_in_the_world_frame(tmp_path: Path) -> None:
    weathers = (
        '<weathers><weather route_percentage="100" cloudiness="10" fog_falloff="0.5"/>'
        '<weather route_percentage="50" sun_azimuth_angle="30"/></weathers>'
    )
    parameters = (
        '<distance value="50"/><frequency from="40" to="90"/><side value="left"/>'
        '<other_actor x="1" y="2" z="3" yaw="4" model="vehicle.audi.tt"/>'
    )
    (spec,) = read(tmp_path, route2(weathers + SCENARIO.format(parameters)))
    assert spec.keypoints == ((0.0, 0.0), (1.0, -2.0))
    assert spec.heights_m == (1.0, 1.5)
    assert [entry.percentage for entry in spec.weathers] == [50.0, 100.0]  # sorted
    # what is missing is the weather of leaderboard 2, not of 1.0
    assert spec.weather == Weather(cloudiness=50, sun_azimuth_deg=-30, sun_altitude_deg=70)
    assert spec.weathers[1].others == {"fog_falloff": 0.5}
    (scenario,) = spec.scenarios
    assert scenario.trigger == Place(3.0, -4.0, 5.0, pytest.approx(-math.pi / 2))
    assert dict(scenario.parameters) == {
        "distance": {"value": "50"},
        "frequency": {"from": "40", "to": "90"},
        "side": {"value": "left"},
    }
    assert scenario.actors[0]["model"] == "vehicle.audi.tt"
    assert spec.without_effect() == (
        "fog_falloff", "the weather's changes along the route", "its scenarios Jam",
    )  # fmt: skip
    with pytest.raises(DataError, match="which the format of leaderboard"):
        write_routes(tmp_path / "as10.xml", [spec])


def test_without_weathers_and_scenarios(tmp_path: Path) -> None:
    (spec,) = read(tmp_path, route2(""))
    assert spec.weather == Weather(cloudiness=50.0, sun_altitude_deg=70.0)
    assert (spec.weathers, spec.scenarios, spec.without_effect()) == ((), (), ())


def test_bench2drive_names_roads_and_leaves_weathers_to_the_map(tmp_path: Path) -> None:
    content = route2(
        f'<weathers><weather route_percentage="0" {MAP_WEATHER}/></weathers><scenarios></scenarios>'
    ).replace('id="0"', 'id="0" road_id="12"')
    (spec,) = read(tmp_path, content)
    assert spec.weathers[0].of_map
    assert spec.weather == Weather(cloudiness=50.0, sun_altitude_deg=70.0)
    assert set(carla_attributes(spec.weathers[0]).values()) == {-1.0}


def test_longest6_numbers_its_weathers(tmp_path: Path) -> None:
    content = (
        '<routes><route id="0" town="T"><weather id="Custom" wetness="9" wind_intensity="10"/>'
        f"{WAYPOINTS}</route></routes>"
    )
    (spec,) = read(tmp_path, content)
    assert carla_attributes(spec.weathers[0])["wind_intensity"] == 10.0
    write_routes(tmp_path / "again.xml", [spec])
    assert load_routes(tmp_path / "again.xml") == (spec,)


def test_lavs_routes_have_line_ends_in_two_characters(tmp_path: Path) -> None:
    content = f'<routes><route id="0" town="T">\\n {WAYPOINTS}\\n \\n</route></routes>'
    assert "\\n" in content
    assert len(read(tmp_path, content)[0].keypoints) == 2


def test_weather_between_two_shares_of_the_route() -> None:
    night, day = Weather(sun_altitude_deg=-20.0), Weather(sun_altitude_deg=60.0, wetness=10.0)
    weathers = (RouteWeather(20.0, night, {"fog_falloff": 1.0}), RouteWeather(60.0, day))
    assert weather_at(weathers, 0.0).weather == night
    assert weather_at(weathers, 100.0).weather == day
    half = weather_at(weathers, 40.0)
    assert (half.weather.sun_altitude_deg, half.weather.wetness) == (20.0, 5.0)
    assert half.others == {"fog_falloff": 0.5}
    assert carla_attributes(half)["rayleigh_scattering_scale"] == 0.0331


def test_a_stray_letter_is_passed_over_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read(tmp_path, route2("<scenarios>s</scenarios>"))
    assert "line 5, route '0', scenarios: holds the text 's'" in caplog.text


def test_a_route_of_version_2_is_driven_in_an_embedded_town(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    planner = EmbeddedSimulator(render=False, traffic=0)
    own = planner.random_route(1000)
    positions = "".join(f'<position x="{x}" y="{-y}" z="0"/>' for x, y in own.keypoints)
    path = tmp_path / "routes.xml"
    content = route2(SCENARIO.format(""), f"<waypoints>{positions}</waypoints>")
    path.write_text(content.replace('town="T"', f'town="{own.town}"'))
    with caplog.at_level(logging.WARNING):
        (planned,) = routes_of_file(path, planner)
    assert planned.length_m == pytest.approx(own.length_m, abs=0.1)
    assert "route '0': without effect in this simulator: its scenarios Jam" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (route2("<wether/>"), "line 5, route '0': holds <wether>.*Did you mean 'weathers'"),
        (route2("<weathers/><weathers/>"), "line 5, route '0': has 2 <weathers>"),
        (route2("", '<waypoints><position x="0" y="0" z="0"/></waypoints>'), "has 1 positions"),
        (route2("", '<waypoints>\n<position x="0" y="0"/>\n<position/></waypoints>'),
         "line 4, route '0', position 0: has no z"),
        (route2("", '<waypoints><position x="0" y="nan" z="0"/>\n<position/></waypoints>'),
         "line 3, route '0', position 0: y=nan is not a finite"),
        (route2("", '<waypoints><point x="0"/></waypoints>'), "line 3, route '0', way.*point"),
        (route2('<weathers><weather cloudiness="5"/></weathers>'), "weather 0: has no route_perc"),
        (route2('<weathers><weather route_percentage="101"/></weathers>'), "from 0 to 100"),
        (route2('<weathers><weather route_percentage="0" cloudiness="-1"/></weathers>'),
         "cloudiness=-1 does not lie"),
        (route2('<weathers><weather route_percentage="0"/>\n<weather route_percentage="0.0"/>'
                "</weathers>"), "line 6, route '0', weather 1: a second weather at 0 %"),
        (route2(SCENARIO.format("").replace("name=", "Name=")), "scenario 0: has no name|no name"),
        (route2(SCENARIO.format('<trigger_point x="3" y="4" z="5" yaw="9"/>')),
         "line 6, route '0', scenario 0, 'Jam_1': has 2 <trigger_point>"),
        (route2(SCENARIO.format("").replace(' yaw="90"', "")), "trigger_point: has no yaw"),
        (route2(SCENARIO.format('\n<distance value="inf"/>')),
         "line 9, route '0', scenario 0, 'Jam_1', <distance>: value=inf is not a finite"),
        (route2(SCENARIO.format('<frequency from="x"/>')), "<frequency>: from='x' is no number"),
        (route2(SCENARIO.format('<side valeu="left"/>')), "unknown attribute 'valeu'.*value"),
        (route2(SCENARIO.format("<side/><side/>")), "<side>: stands there twice"),
        (f'<routes><route id="0" town="T">{POSITIONS}</route>\n'
         f'<route id="1" town="T">{WAYPOINTS}</route></routes>', "line 4: this file mixes"),
        ('<routes><route id="0">\n<waypoints/></route></routes>', "line 1, route '0': has no town"),
        ('{"available_scenarios": []}', "is JSON.*load_scenarios"),
        ("<a>" * 20 + "</a>" * 20, "nests them more than 10 deep"),
    ],
)  # fmt: skip
def test_broken_files_are_refused_on_their_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_a_file_of_too_many_elements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_elements, "MAX_ELEMENTS", 1000)
    with pytest.raises(DataError, match="line 1: has more than 1000 elements"):
        read(tmp_path, "<routes>" + "<a/>" * 1100 + "</routes>")


WHOLE = [
    route2(
        f'<weathers><weather route_percentage="0" wetness="1"/></weathers>{SCENARIO.format("")}'
    ),
    f'<routes><route id="0" town="T"><weather wetness="1"/>{WAYPOINTS}</route></routes>',
]
PIECES = [
    "nan",
    "1e999",
    "-1",
    "<",
    "/>",
    '"',
    "&a;",
    "\0",
    "<!DOCTYPE a>",
    'x="1"',
    "<a/>",
    "é",
    "",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.sampled_from(WHOLE), st.integers(0, 300), st.integers(0, 9), st.sampled_from(PIECES))
def test_a_damaged_file_is_read_or_refused(
    tmp_path: Path, text: str, start: int, count: int, piece: str
) -> None:
    """Whatever is cut out and put in, there is no error of another kind."""
    with suppress(DataError):
        read(tmp_path, text[:start] + piece + text[start + count :])


SITE = (
    '{"available_scenarios": [{"Town01": [{"scenario_type": "Scenario3", '
    '"available_event_configurations": [{"transform": {"x": "1.5", "y": "-2", "z": 1, "yaw": "90", '
    '"pitch": "0"}, "other_actors": {"left": [{"x": 1, "y": 2, "z": 3, "yaw": 4}]}}]}]}]}'
)


def test_scenarios_of_leaderboard_1(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.json"
    path.write_text(SITE)
    (site,) = load_scenarios(path)["Town01"]
    assert site.kind == "Scenario3"
    assert site.trigger == Place(1.5, 2.0, 1.0, pytest.approx(-math.pi / 2))
    assert site.actors["left"][0].y_m == -2.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"1.5"', '"1_5"', r"transform, x: 1_5 is no number"),
        ('"1.5"', '"\u0661"', r"transform, x: \u0661 is no number"),
        ('"1.5"', '"nan"', "x: nan is not a finite"),
        ('"1.5"', "NaN", "no valid JSON"),
        ('"1.5"', "true", "x: True is no number"),
        ('"1.5"', "1e7", "not a finite number within"),
        (
            '"x": "1.5", ',
            "",
            r"\(Scenario3\), available_event_configurations\[0\], transform: has no",
        ),
        ('"transform"', '"transfrom"', "unknown key 'transfrom'. Did you mean 'transform'"),
        ('"Scenario3"', "3", "scenario_type is 3, no name"),
        ('"left": [', '"left": [[', r"other_actors, left\[0\]"),
        ("[{", "{", "no valid JSON"),
        ('"available_scenarios"', '"scenarios"', "unknown key 'scenarios'"),
    ],
)
def test_broken_scenario_files_are_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "scenarios.json"
    text = SITE.replace(old, new, 1)
    path.write_text(text.replace("4}]", "4}]]") if new.endswith("[[") else text)
    with pytest.raises(DataError, match=message):
        load_scenarios(path)
