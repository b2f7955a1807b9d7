"""The infrared camera: what is warm in its image, and that neither night nor fog hides it."""

from __future__ import annotations

import math

import numpy as np
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import AnyArray, Pose2
from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.town.model import BodyKind, BodyPose
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import LightColour
from town_by_hand import CLASS, FURNISHED, STOP_X, car, hand_town, scene

DAY, NIGHT = Weather(cloudiness=0.0, sun_altitude_deg=60.0), Weather(sun_altitude_deg=-20.0)
FOG = Weather(fog_density=100.0, cloudiness=90.0)


def at(weather: Weather, renderer: PandaRenderer, here: Scene) -> tuple[AnyArray, AnyArray]:
    """The infrared image, and the classes of its pixels."""
    renderer.load(FURNISHED, weather)
    image = renderer.infrared(here)
    assert MODALITIES[Modality.INFRARED].check_frame(image.shape, image.dtype) is None
    return image.astype(int), renderer.depth_and_segmentation(here)[1]


def test_at_night_what_lives_and_drives_is_warm_and_the_sky_is_cold(
    renderer: PandaRenderer,
) -> None:
    walker = BodyPose(1, BodyKind.PEDESTRIAN, -78.0, 1.0, math.pi, 0)
    oncoming = car(-74.0, 2.0, math.pi)
    here = Scene(0.0, Pose2(-90.0, -2.0, 0.0), (oncoming,), {1: LightColour.RED}, (walker,))
    image, classes = at(NIGHT, renderer, here)
    road = int(np.median(image[classes == CLASS["road"]]))
    assert np.median(image[classes == CLASS["sky"]]) < road - 30
    assert image[classes == CLASS["pedestrian"]].max() > road + 60  # the face
    vehicles = classes == CLASS["vehicle"]
    left = vehicles & (np.arange(vehicles.shape[1]) < vehicles.shape[1] // 2)
    assert image[left].max() > road + 80  # hood and tyres of the car that drives
    assert image[vehicles & ~left].max() < road  # the parked one is as cold as the night


def test_fog_hides_a_walker_from_the_camera_and_not_from_infrared(renderer: PandaRenderer) -> None:
    walker = BodyPose(1, BodyKind.PEDESTRIAN, -50.0, -2.0, math.pi, 0)
    with_walker = Scene(0.0, Pose2(-90.0, -2.0, 0.0), (), {1: LightColour.RED}, (walker,))
    contrast = {}
    for name, weather in (("day", DAY), ("fog", FOG)):
        image, classes = at(weather, renderer, with_walker)
        seen = classes == CLASS["pedestrian"]
        rgb = renderer.rgb(with_walker).astype(int)
        empty = scene(-90.0)
        heat = np.abs(image - renderer.infrared(empty))[seen].max()
        colour = np.abs(rgb - renderer.rgb(empty))[seen].max()
        contrast[name] = (colour, heat)
    assert contrast["day"][0] > 60
    assert contrast["fog"][0] < 5
    assert contrast["fog"][1] > 12


def test_the_lit_lamp_is_the_warm_one(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(), NIGHT)
    rows = {}
    for colour in LightColour:
        image = renderer.infrared(scene(STOP_X - 30.0, light=colour)).astype(int)
        lamps = (
            renderer.depth_and_segmentation(scene(STOP_X - 30.0, light=colour))[1]
            == CLASS[f"{colour}_light"]
        )
        rows[colour] = np.where(lamps, image, 0).max(axis=1).argmax()
    assert rows[LightColour.RED] < rows[LightColour.YELLOW] < rows[LightColour.GREEN]
