"""A town made by hand, in which every distance is known, for the tests of the renderer."""

from __future__ import annotations

import math

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.modalities import SEGMENTATION_CLASSES
from auxdrive.types import Pose2, RoadOption
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.town.model import (
    CarKind,
    CarPose,
    Junction,
    JunctionKind,
    Lane,
    Prop,
    PropKind,
    Road,
    StopSign,
    Town,
    TrafficLight,
)
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import LightColour

CAMERA = CameraSpec(width=256, height=144, fov_deg=90.0, x_m=1.2, z_m=1.5)


CLASS = {name: i for i, name in enumerate(SEGMENTATION_CLASSES)}


STOP_X = -10.0


WEATHERS = (
    Weather(),
    Weather(sun_altitude_deg=3.0, sun_azimuth_deg=200.0),
    Weather(sun_altitude_deg=-20.0),
    Weather(cloudiness=100.0, precipitation=90.0, wetness=90.0),
    Weather(fog_density=70.0),
)


def _lane(
    lane_id: int,
    road_id: int,
    start: float,
    end: float,
    y: float,
    light_id: int | None,
    stop_sign_id: int | None,
) -> Lane:
    count = round(abs(end - start)) + 1
    line = np.column_stack([np.linspace(start, end, count), np.full(count, y)])
    return Lane(
        lane_id, road_id, line, np.abs(line[:, 0] - start),
        np.full(count, 0.0 if end > start else math.pi), 4.0, 10.0, (), (), None,
        RoadOption.LANE_FOLLOW, light_id, stop_sign_id,
    )  # fmt: skip


def hand_town(*props: Prop) -> Town:
    """A straight road along x with one junction at the origin; a light for cars from the left, a
    stop sign for the others.
    """
    west = np.column_stack([np.linspace(-120, STOP_X, 111), np.zeros(111)])
    east = np.column_stack([np.linspace(10, 120, 111), np.zeros(111)])
    polygon = np.array(
        [(-10, -4), (-4, -10), (4, -10), (10, -4), (10, 4), (4, 10), (-4, 10), (-10, 4)],
        dtype=np.float64,
    )
    light = TrafficLight(1, 1, 1, 0, (STOP_X, -5.5), math.pi, ((STOP_X, 0.0), (STOP_X, -4.0)))
    sign = StopSign(1, 1, 2, (10.0, 5.5), 0.0, ((10.0, 0.0), (10.0, 4.0)))
    return Town(
        name="hand",
        seed=7,
        lanes={1: _lane(1, 1, -120, STOP_X, -2.0, 1, None), 2: _lane(2, 2, 120, 10, 2.0, None, 1)},
        roads={1: Road(1, west, 4.0), 2: Road(2, east, 4.0)},
        junctions={1: Junction(1, JunctionKind.FOUR_WAY, (0.0, 0.0), polygon, ())},
        lights={1: light},
        stop_signs={1: sign},
        props=props,
        kerb_height_m=0.15,
        sidewalk_width_m=2.0,
        bounds=(-120.0, -60.0, 120.0, 60.0),
    )


def box(
    x: float,
    y: float,
    length: float = 6.0,
    width: float = 4.0,
    height: float = 12.0,
    yaw: float = 0.0,
) -> Prop:
    """A building without a pitched roof: a plain box."""
    return Prop(1, PropKind.BUILDING, x, y, yaw, length, width, height, 3)


FURNISHED = hand_town(
    box(-60.0, 16.0),
    Prop(2, PropKind.TREE, -70.0, -9.0, 0.0, 0.6, 0.6, 7.0, 1),
    Prop(3, PropKind.POLE, -80.0, 5.0, -1.5, 0.2, 0.2, 7.0, 0),
    Prop(4, PropKind.PARKED_CAR, -75.0, -7.5, 0.0, 4.4, 1.8, 1.5, 1, CarKind.HATCHBACK),
)


def car(
    x: float, y: float, yaw: float = 0.0, kind: CarKind = CarKind.SEDAN, *, braking: bool = False
) -> CarPose:
    return CarPose(5, kind, x, y, yaw, 4.4, 1.8, 1.5, 3, braking)


def scene(
    x: float,
    y: float = -2.0,
    yaw: float = 0.0,
    *cars: CarPose,
    light: LightColour = LightColour.RED,
    time_s: float = 0.0,
) -> Scene:
    return Scene(time_s, Pose2(x, y, yaw), cars, {1: light})
