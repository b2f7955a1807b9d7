"""Conditions by name: their weathers, how recordings and drives share them out, and that they hide
from the RGB camera what other sensors show.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from auxdrive.errors import UsageError
from auxdrive.types import AnyArray, Pose2
from auxdrive_eval.collecting.planning import origins_of, planned_episode, splits_of
from auxdrive_eval.conditions import (
    CONDITIONS,
    condition_of,
    in_condition,
    in_each,
    parse_conditions,
    plain_id,
)
from auxdrive_eval.driving.comparing import by_condition
from auxdrive_eval.driving.onlookers.drive_data import DriveData
from auxdrive_eval.driving.settings import traffic_seed
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import RouteMeta, RouteRecord, Scores
from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.town.model import BodyKind, BodyPose
from auxdrive_eval.simulators.embedded.town.weather import weather_for
from auxdrive_eval.world import LightColour
from small_recording import settings
from states_by_hand import straight_route
from town_by_hand import CLASS, FURNISHED

NAMES = ("day", "night", "fog", "rain")


def test_every_weather_of_a_condition_is_of_it_and_seeds_draw_no_night() -> None:
    for seed in range(40):
        for name in CONDITIONS:
            weather = in_condition(straight_route(), name, seed).weather
            assert condition_of(weather) == name
            assert weather == in_condition(straight_route(), name, seed).weather
        assert condition_of(weather_for(seed)) in ("day", "fog", "rain")
    assert parse_conditions(("all",)) == tuple(CONDITIONS)
    with pytest.raises(UsageError, match="Did you mean 'night'"):
        parse_conditions(("nihgt",))


def test_each_route_is_driven_in_each_condition_with_the_same_traffic() -> None:
    route = straight_route()
    routes = in_each([route], NAMES)
    assert [each.route_id for each in routes] == [f"0@{name}" for name in NAMES]
    assert [condition_of(each.weather) for each in routes] == list(NAMES)
    assert {traffic_seed(4, each, 1) for each in routes} == {traffic_seed(4, route, 1)}
    assert {plain_id(each.route_id) for each in routes} == {"0"}
    assert plain_id("a@home") == "a@home"
    assert in_each([route], ()) == (route,)


def test_conditions_are_spread_evenly_in_every_split() -> None:
    recorded = settings(conditions=NAMES, route_seeds=tuple(range(100)), episodes=80)
    episodes = list(range(80))
    origins = origins_of(episodes, recorded)
    for split in splits_of(episodes, recorded).values():
        counts = Counter(origins[name].condition for name in split)
        assert set(counts) == set(NAMES)
        assert max(counts.values()) - min(counts.values()) <= 1
    assert planned_episode(settings(), 3).condition == ""
    assert origins_of(episodes, settings()) == {}


def test_whole_towns_can_be_held_apart() -> None:
    seeds = tuple(range(20))
    for split_by, apart in (("town", True), ("episode", False)):
        recorded = settings(route_seeds=seeds, episodes=60, split_by=split_by, conditions=NAMES)
        towns = {
            split: {planned_episode(recorded, int(name[3:])).route_seed for name in names}
            for split, names in splits_of(list(range(60)), recorded).items()
        }
        assert towns["train"].isdisjoint(towns["val"] | towns["test"]) is apart
        assert set().union(*towns.values()) == set(seeds)


def test_a_drives_recording_keeps_a_route_in_one_split(tmp_path: Path) -> None:
    ids = tuple(each.route_id for each in in_each([straight_route(), straight_route(90)], NAMES))
    data = DriveData(tmp_path, None, None, ids)  # type: ignore[arg-type]
    assert [data._first_alike(number) for number in range(8)] == [0, 0, 0, 0, 0, 0, 0, 0]
    other = DriveData(tmp_path, None, None, ("1@day", "1@fog", "2@day", "2@fog", "3"))  # type: ignore[arg-type]
    assert [other._first_alike(number) for number in range(5)] == [0, 0, 2, 2, 4]


def test_records_of_a_drive_by_condition() -> None:
    for rules in ("1.0", "2.1"):
        form = RULE_SETS[rules].results
        records = [
            RouteRecord(
                index=index,
                infractions={kind.value: [] for kind in form.routes.kinds},
                meta=RouteMeta(duration_game=1.0, duration_system=1.0, route_length=500.0),
                route_id=form.routes.route_id(name, index),
                scores=Scores(score_composed=50.0, score_penalty=0.5, score_route=100.0),
                status="Completed",
            )
            for index, name in enumerate(("7@night", "8@night", "7@day", "9"))
        ]
        found = by_condition(records, form)
        assert {name: [each.index for each in members] for name, members in found.items()} == {
            "night": [0, 1],
            "day": [2],
        }


def contrast(renderer: PandaRenderer, name: str) -> tuple[float, AnyArray, AnyArray, int]:
    """How much a walker 35 m ahead stands out of the image's own noise; depth, classes, and the
    number of the LiDAR's points.
    """
    renderer.load(FURNISHED, in_condition(straight_route(), name, 5).weather)
    ego, lights = Pose2(-90.0, -2.0, 0.0), {1: LightColour.RED}
    walker = BodyPose(1, BodyKind.PEDESTRIAN, -55.0, -2.0, math.pi, 0)
    images = [
        np.stack([renderer.rgb(Scene(t, ego, (), lights, bodies)).astype(float) for t in times])
        for bodies, times in (((), (0.0, 1.0, 2.0)), ((walker,), (0.0, 1.0, 2.0)))
    ]
    scene = Scene(0.0, ego, (), lights, (walker,))
    again = renderer.rgb(scene)
    assert (again == images[1][0]).all()  # the same scene, the same image
    depth, classes = renderer.depth_and_segmentation(scene)
    seen = classes == CLASS["pedestrian"]
    between = np.abs(images[1] - images[0]).mean(axis=0)[seen].mean()
    noise = images[0].std(axis=0)[seen].mean()
    return float(between / (1.0 + noise)), depth, classes, len(renderer.lidar_points(scene))


def test_rgb_sees_less_in_each_condition_and_depth_and_classes_do_not(
    renderer: PandaRenderer,
) -> None:
    found = {name: contrast(renderer, name) for name in CONDITIONS}
    by_day, depth, classes, points = found["day"]
    for name in ("night", "fog", "rain", "glare"):
        assert found[name][0] < 0.6 * by_day, name
        assert np.array_equal(found[name][1], depth)
        assert np.array_equal(found[name][2], classes)
    assert found["night"][3] == found["glare"][3] == points
    for name in ("fog", "rain"):
        assert 0.5 * points < found[name][3] < points
