"""Scenarios with pedestrians and cyclists: what they do, and what the sensors see of them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from auxdrive_eval.simulators.embedded.geometry.boxes import box
from auxdrive_eval.simulators.embedded.render.shapes.people import body_faces
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.town.model import BODY_SIZES_M, BodyKind, BodyPose
from auxdrive_eval.simulators.embedded.traffic.bodies import Bodies
from scenario_drives import SEEDS, Drive, drive
from small_world import CAMERA

PEDESTRIAN = SEGMENTATION_CLASSES.index("pedestrian")


def left_of_ego(found: Drive, kind: BodyKind) -> list[float]:
    """How far left of the route's nearest point somebody is, tick by tick."""
    route, lefts = found.route, []
    for _, scene in found.during():
        (body,) = (body for body in scene.bodies if body.kind is kind)
        away = route.points - (body.x_m, body.y_m)
        nearest = int(np.argmin(np.hypot(*away.T)))
        yaw = float(route.yaw_rad[nearest])
        lefts.append(float(-away[nearest] @ (-math.sin(yaw), math.cos(yaw))))
    return lefts


def walked(found: Drive) -> list[BodyPose]:
    return [
        body for _, scene in found.during() for body in scene.bodies if body.kind == "pedestrian"
    ]


def test_a_pedestrian_crosses_the_whole_road_and_the_expert_brakes_for_it() -> None:
    found = drive("DynamicObjectCrossing", SEEDS["DynamicObjectCrossing"])
    lefts = left_of_ego(found, BodyKind.PEDESTRIAN)
    assert lefts[0] <= -4.2
    assert lefts[-1] >= 4.2
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(lefts))
    in_lane = [
        state for (state, _), left in zip(found.during(), lefts, strict=True) if -1 < left < 1
    ]
    assert min(state.speed_mps for state in in_lane) < 3.0
    assert {body.step for body in walked(found)} == {0, 1, 2}


@pytest.mark.parametrize("kind", ["DynamicObjectCrossing", "ParkingCrossingPedestrian"])
def test_the_pedestrian_is_hidden_until_it_walks(kind: str) -> None:
    simulator = EmbeddedSimulator(
        CAMERA.model_copy(update={"width": 192, "height": 108}),
        traffic=0,
        scenarios=[kind],
    )
    state = simulator.reset(simulator.random_route(SEEDS[kind]), SEEDS[kind])
    seen: dict[bool, list[int]] = {False: [], True: []}
    while not state.scenarios[0].ended_s:
        state = simulator.step(simulator.expert())
        (walker,) = (b for b in simulator.scene().bodies if b.kind is BodyKind.PEDESTRIAN)
        if state.scenarios[0].began_s is not None and state.frame % 5 == 0:
            classes = simulator.sense([Modality.SEGMENTATION])[Modality.SEGMENTATION]
            seen[walker.step > 0].append(int((classes == PEDESTRIAN).sum()))
    simulator.close()
    assert seen[False][0] < 3
    assert max(seen[True]) > 100


def test_who_walks_waits_for_a_car_and_for_a_standing_ego_and_no_other() -> None:
    nobody, far = np.empty((0, 5)), box(50.0, 0.0, 0.0, 4.5, 1.9)
    ahead = box(0.0, 1.9, 0.0, 4.5, 1.9)
    for cars, ego, stands, walks in (
        (nobody, far, False, True),
        (nobody, ahead, False, True),
        (nobody, ahead, True, False),
        (ahead[None], far, False, False),
    ):
        bodies = Bodies()
        walker = bodies.add(BodyKind.PEDESTRIAN, [(0.0, 0.0), (0.0, 8.0)])
        walker.speed_mps = 2.0
        bodies.step(0.05, cars, ego, stands)
        assert (walker.along_m > 0.0) is walks


def test_the_rider_of_a_bicycle_is_a_pedestrian_on_a_vehicle() -> None:
    classes = {face.class_name for face in body_faces(BodyKind.CYCLIST, 0)[:-1]}
    assert classes == {"pedestrian", "vehicle"}
    assert {face.class_name for face in body_faces(BodyKind.PEDESTRIAN, 1)[:-1]} == {"pedestrian"}


@pytest.mark.parametrize("kind", [kind for kind in BodyKind if kind != "dirt"])
@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_body_is_as_large_as_what_is_hit(kind: BodyKind, step: int) -> None:
    """But for the strides and arms of a pedestrian, which hit nothing."""
    points = np.concatenate([face.points for face in body_faces(kind, 3, step)[:-1]])
    length_m, width_m, height_m = BODY_SIZES_M[kind]
    spread = points.max(axis=0) - points.min(axis=0)
    slack = 0.5 if kind is BodyKind.PEDESTRIAN else 0.1
    np.testing.assert_allclose(spread[:2], (length_m, width_m), atol=slack)
    assert spread[2] == pytest.approx(height_m, abs=0.1)
