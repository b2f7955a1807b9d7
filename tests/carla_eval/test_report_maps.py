"""A drive on its map, and the page of one route: what is drawn where, that marks do not overlap,
and that the legend has every sign.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from auxdrive.types import RoadOption
from auxdrive_eval.criteria import Event, EventKind, Moment
from auxdrive_eval.driving.runner import TRACE_DTYPE, RouteResult
from auxdrive_eval.driving.stored.route import StoredRoute, stored_route
from auxdrive_eval.report import signs
from auxdrive_eval.report.drive_report import route_section
from auxdrive_eval.report.marks import FAR_PX, NEAR_PX, offsets_of_badges
from auxdrive_eval.report.route_drive import driven_m_at, film_of, infraction_table, infractions_of
from auxdrive_eval.report.town_map import Mark, draw_map, map_legend
from auxdrive_eval.report.view import HEIGHT_PX, WIDTH_PX, view_of
from auxdrive_eval.road_maps.town_map import LaneLine, TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.records import RouteMeta, make_record
from hypothesis import given
from hypothesis import strategies as st
from page_tree import hostile, parse

LANES = (
    LaneLine(np.stack([np.arange(60.0), np.full(60, 1.75)], axis=1), 3.5),
    LaneLine(np.full((5, 2), 900.0), 3.5),
)
LIGHT = ((30.0, 1.0), (30.0, -1.0))
AWAY = ((30.0, 20.0), (30.0, 16.0))
TOWN = TownMap(LANES, lights=(LIGHT, AWAY), stop_signs=(((45.0, 1.0), (45.0, -1.0)),))


def straight() -> Route:
    points = np.stack([np.arange(50.0), np.zeros(50)], axis=1)
    keypoints = ((0.0, 0.0), (49.0, 0.0))
    options = (RoadOption.LANE_FOLLOW,) * 50
    return Route("0", "EmbeddedTown0000", keypoints, points, np.zeros(50), options)


def trace_of(metres: float = 49.0, seconds: float = 10.0) -> np.ndarray:
    trace = np.zeros(100, TRACE_DTYPE)
    trace["time_s"] = np.linspace(0.05, seconds, 100)
    trace["x_m"] = np.linspace(0, metres, 100)
    trace["speed_mps"] = np.linspace(0, 12, 100)
    return trace


def driven(*events: Event, film_s: tuple[float, ...] = (0.0, 5.0)) -> StoredRoute:
    record = make_record(
        index=3,
        route_id="RouteScenario_0",
        events=events,
        completion_percent=50.0,
        penalty=lambda _: 0.7,
        meta=RouteMeta(duration_game=10.0, duration_system=1.0, route_length=49.0),
    )
    film = tuple((time_s, np.zeros((4, 6, 3), np.uint8)) for time_s in film_s)
    return stored_route(RouteResult(record, events, trace_of(), film))


RED = Event(EventKind.RED_LIGHT, "ran a red light", 100, 5.0, (30.0, -9.0))
BLOCKED = Event(
    EventKind.VEHICLE_BLOCKED, "blocked", 190, 9.5, (46.0, 0.0), began=Moment(40, 2.0, (9.7, 0.0))
)
HIT = Event(EventKind.COLLISION_VEHICLE, "hit", 160, 8.0, (39.0, 0.0), hit=(42.0, 2.0))


def places(drawing: str) -> list[tuple[float, float]]:
    """Where signs are, in the world frame."""
    return [
        (float(x), -float(y)) for x, y in re.findall(r"translate\((\S+) (\S+)\) scale\(", drawing)
    ]


def test_a_map_shows_lanes_route_path_goal_and_scale() -> None:
    drawing = draw_map(TOWN, straight(), trace_of())
    tree = parse(drawing)
    lines = [attributes for tag, attributes in tree.tags if tag == "polyline"]
    assert len(lines) == 1 + 1 + 5  # the route, the path's outline, and five stretches of speed
    lanes = [a["d"] for tag, a in tree.tags if tag == "path" and a.get("stroke-width") == "3.50"]
    assert lanes == ["M0.0 -1.8L59.0 -1.8"]  # the one of two that is in view
    assert {(0.0, 0.0), (49.0, 0.0)} <= set(places(drawing))
    (scale,) = [text for text in tree.data if text.endswith(" m")]
    (bar,) = [a["d"] for _, a in tree.tags if "h10v" in (a.get("d") or "")]
    assert (scale, bool(bar)) == ("10 m", True)


def test_signals_of_the_way_are_marked_and_others_have_their_line_alone() -> None:
    drawing = draw_map(TOWN, straight(), trace_of())
    assert drawing.count(signs.LIGHT) == 1
    assert drawing.count(signs.STOP_SIGN) == 1
    assert "M30.0 -20.0L30.0 -16.0" in drawing


def test_marks_bear_their_numbers_and_labels_are_escaped() -> None:
    marks = [Mark("1", (20.0, 0.0)), Mark("<2>", (40.0, 0.0), hit=(42.0, 2.0))]
    tree = parse(drawing := draw_map(TOWN, straight(), trace_of(), marks))
    assert [text for text in tree.data if text in ("1", "<2>")] == ["1", "<2>"]
    assert {(20.0, 0.0), (40.0, 0.0), (42.0, 2.0)} <= set(places(drawing))
    assert drawing.count(signs.HIT) == 1


def test_marks_at_one_place_share_a_badge() -> None:
    marks = [Mark("1", (20.0, 0.0)), Mark("2", (20.2, 0.0)), Mark("3", (45.0, 0.0))]
    data = parse(draw_map(TOWN, straight(), trace_of(), marks)).data
    assert [text for text in data if text in ("1, 2", "3")] == ["1, 2", "3"]


def test_the_legend_names_what_is_there_and_nothing_else() -> None:
    view = view_of([straight().points])
    bare = " ".join(parse(map_legend(TownMap(LANES), [], film=False, view=view)).data)
    marks = [Mark("1", (0.0, 0.0), (1.0, 1.0))]
    full = " ".join(parse(map_legend(TOWN, marks, film=True, view=view)).data)
    for word in ("infraction", "what was hit", "traffic light", "stop sign", "film", "stop line"):
        assert word not in bare
        assert word in full
    for word in ("start", "goal", "planned route", "0 to 2 m/s", "8 m/s and more"):
        assert word in bare


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_a_lane_on_the_map_reaches_both_its_ends(count: int) -> None:
    bent = np.stack([np.arange(float(count)), 2.0 + (np.arange(count) % 2)], axis=1)
    drawing = draw_map(TownMap((LaneLine(bent, 3.5),)), straight(), np.zeros(2, TRACE_DTYPE))
    (lane,) = re.findall(r'd="(M[^"]*)" fill="none" stroke="#\w+" stroke-width="3.50"', drawing)
    points = lane[1:].split("L")
    assert (points[0], points[-1]) == (
        "0.0 -2.0",
        f"{count - 1:.1f} -{2.0 + (count - 1) % 2:.1f}",
    )


def test_a_map_of_a_drive_that_never_began() -> None:
    tree = parse(draw_map(TownMap(()), straight(), np.zeros(0, TRACE_DTYPE)))
    assert sum(tag == "polyline" for tag, _ in tree.tags) == 1


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=1, max_size=5))
def test_all_maps_have_one_shape_and_show_all_paths(points: list[tuple[float, float]]) -> None:
    view = view_of([np.array(points)])
    wide_m, tall_m = (view.high - view.low).tolist()
    assert wide_m / tall_m == pytest.approx(WIDTH_PX / HEIGHT_PX)
    pixels = view.pixels(np.array(points))
    assert (pixels > 0).all()
    assert (pixels < (WIDTH_PX, HEIGHT_PX)).all()


@given(st.integers(1, 6), st.integers(0, 1000))
def test_badges_stay_on_the_map_and_off_each_other(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    anchors = np.stack([np.linspace(150, 750, count), rng.uniform(150, 450, count)], axis=1)
    offsets = offsets_of_badges(anchors, np.full(count, 22.0), anchors, (WIDTH_PX, HEIGHT_PX))
    for offset in offsets.tolist():
        assert round(math.hypot(*offset)) in (NEAR_PX, FAR_PX)
    badges = anchors + offsets
    assert ((badges > 11) & (badges < (WIDTH_PX - 11, HEIGHT_PX - 11))).all()
    for i in range(count):
        for j in range(i):
            assert np.abs(badges[i] - badges[j]).max() > 20


def test_infractions_are_numbered_timed_and_placed_where_they_began() -> None:
    found = infractions_of(driven(RED, BLOCKED, HIT))
    assert [(each.number, each.event, each.time_s) for each in found] == [
        (1, BLOCKED, 2.0),
        (2, RED, 5.0),
        (3, HIT, 8.0),
    ]
    assert found[0].place == (9.7, 0.0)
    # the car's own place, and not the light's beside the road
    assert found[1].place == pytest.approx((24.4, 0.0), abs=0.5)
    assert found[1].driven_m == pytest.approx(24.4, abs=0.5)
    assert found[2].mark.hit == (42.0, 2.0)
    cells = parse(infraction_table(found)).data
    assert cells.index("blocked") < cells.index("red light")


def test_images_of_infractions_bear_their_numbers_and_all_say_how_far_it_was() -> None:
    stored = driven(RED, BLOCKED, film_s=(0.0, 2.0, 5.0, 10.0))
    data = parse(film_of(stored)).data
    captions = [text for text in data if "\u00a0s" in text]
    assert captions[0] == "0\u00a0m, 0.0\u00a0s"
    assert captions[1].startswith("blocked: 10\u00a0m, 2.0")
    assert captions[2].startswith("red light: 24")
    assert [text for text in data if text in ("1", "2")] == ["1", "2"]
    assert driven_m_at(stored.trace, 10.0) == pytest.approx(49.0)


@given(hostile)
def test_names_of_routes_and_messages_stay_text(value: str) -> None:
    value = value.replace("\r", "")
    route = replace(straight(), route_id=value, town=value)
    page = route_section(route, driven(replace(RED, message=value)), TOWN)
    tree = parse(page)
    assert "script" not in {tag for tag, _ in tree.tags}
    assert not any(name.startswith("on") for _, attributes in tree.tags for name in attributes)


def test_a_route_says_its_score_of_100() -> None:
    text = " ".join(parse(route_section(straight(), driven(RED), TOWN)).data)
    assert "Driving score 35.0 of 100 = route completion 50.0 %" in text
