"""What differs between the versions of CARLA: everything that does stands here.

Met so far is the stock client 0.9.16 alone, with a test server. What is said of older versions is
read in CARLA's changelog and headers.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from auxdrive.errors import SimulatorError
from auxdrive.extras import needed_by_library
from auxdrive.modalities import SEGMENTATION_CLASSES
from auxdrive.types import UInt8

OLDEST, NEW_TAGS = (0, 9, 10), (0, 9, 14)
_TAGS_BEFORE = (
    "unlabeled", "building", "fence", "other", "pedestrian", "pole", "roadline", "road", "sidewalk",
    "vegetation", "vehicle", "wall", "sign", "sky", "ground", "bridge", "railtrack", "guardrail",
    "trafficlight", "static", "dynamic", "water", "terrain",
)  # fmt: skip
"""Semantic tags from 0.9.10 to 0.9.13 (LibCarla's CityScapesPalette.h)."""
_TAGS = (
    "unlabeled", "road", "sidewalk", "building", "wall", "fence", "pole", "trafficlight", "sign",
    "vegetation", "terrain", "sky", "pedestrian", "rider", "car", "truck", "bus", "train",
    "motorcycle", "bicycle", "static", "dynamic", "other", "water", "roadline", "ground", "bridge",
    "railtrack", "guardrail",
)  # fmt: skip
"""Semantic tags from 0.9.14 on."""
_CLASS_OF_TAG = {
    **{name: name for name in SEGMENTATION_CLASSES},
    "roadline": "lane_marking", "wall": "building", "rider": "pedestrian",
    **dict.fromkeys(("car", "truck", "bus", "train", "motorcycle", "bicycle"), "vehicle"),
    "trafficlight": "traffic_light", "sign": "traffic_sign",
}  # fmt: skip
"""Tags that are not named are "other"."""


class Version(NamedTuple):
    """A version of CARLA."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def class_of_tag(self) -> UInt8:
        """The place in `SEGMENTATION_CLASSES` of each semantic tag, uint8 (256,)."""
        table = np.zeros(256, np.uint8)
        for tag, name in enumerate(_TAGS if self >= NEW_TAGS else _TAGS_BEFORE):
            table[tag] = SEGMENTATION_CLASSES.index(_CLASS_OF_TAG.get(name, "other"))
        return table


def client_library() -> Any:
    """The module `carla`.

    Raises:
        MissingExtra: it is not installed.
    """
    with needed_by_library("driving in CARLA", "carla"):
        import carla
    return carla


def agreed_version(client: str, server: str) -> Version:
    """The version that client and server have.

    Args:
        client: what `Client.get_client_version()` says.
        server: what `Client.get_server_version()` says; for builds of one's own it may end in a
            commit.

    Raises:
        SimulatorError: they differ, or are too old.
    """
    ours, theirs = _version(client), _version(server)
    if ours is None or ours != theirs:
        wanted = theirs or server
        raise SimulatorError(
            f"the client is CARLA {client}, the server {server}, and each speaks to its own "
            f"version alone: start a server {client}, or install the server's client "
            f"(`pip install carla=={wanted}`, or the wheel in its PythonAPI/carla/dist)"
        )
    if ours < OLDEST:
        raise SimulatorError(f"CARLA {ours} is too old; 0.9.10 is the oldest that is known here")
    return ours


def light_id(light: Any) -> int | None:
    """The OpenDRIVE id of a traffic light, by which the road map knows it; None where the map has
    none.

    Args:
        light: a `carla.TrafficLight`.

    Raises:
        SimulatorError: this version of CARLA cannot tell (before 0.9.11).
    """
    if not hasattr(light, "get_opendrive_id"):
        raise SimulatorError("CARLA before 0.9.11 does not tell which traffic light is which")
    text = str(light.get_opendrive_id())
    return int(text) if text.isdecimal() else None


def load_world(client: Any, town: str) -> Any:
    """Load a town, in which the settings stay as they are where the version can do that.

    Args:
        client: a `carla.Client`.
        town: its name.

    Returns:
        The `carla.World`.
    """
    try:
        return client.load_world(town, False)
    except TypeError:  # no such argument in the oldest versions
        return client.load_world(town)


def stop_manager(manager: Any) -> None:
    """End a traffic manager, where the version can (from 0.9.13 on).

    Args:
        manager: a `carla.TrafficManager`.
    """
    if hasattr(manager, "shut_down"):
        manager.shut_down()


def _version(text: str) -> Version | None:
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    return None if found is None else Version(*map(int, found.groups()))
