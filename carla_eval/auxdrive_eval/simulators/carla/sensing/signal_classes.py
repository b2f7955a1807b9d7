"""The classes of segmentation that CARLA's semantic camera does not tell: which colour a traffic
light shows, stop lines, and stop signs.

A light's heads are boxes that the server knows; their pixels take the colour that the light shows,
if the camera is on the side of those who wait for it. Stop lines and signs lie where the town's map
has them: a line is painted where road is seen, half a metre wide; a sign is sought at its pole.

Legend: N points; H, W rows and columns. World frame, metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from auxdrive.modalities import FIRST_CLASSES, SEGMENTATION_CLASSES, coarse_ids
from auxdrive.types import Float64, UInt8

from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.road_maps.carla_signals import LIGHT, STOP, SignalLine
from auxdrive_eval.simulators.carla.border import axes_of, corners_of
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.simulators.carla.versions import light_id

REACH_M, LINE_REACH_M = 80.0, 40.0
"""How far away lights and signs, and lines, are told apart."""
LINE_HALF_M = 0.25
SIGN_M = (0.6, 1.2, 3.4)
"""Half the width of where a sign's board is sought, and from what height to what height."""
_ID = {name: SEGMENTATION_CLASSES.index(name) for name in SEGMENTATION_CLASSES}
_COARSE = coarse_ids(len(FIRST_CLASSES))
_NEAREST_M = 0.3


@dataclass(frozen=True)
class _Board:
    """Something that has a front: corners (8, 3), the direction in which those look who see its
    front (2,), and the light that it belongs to, None for a sign.
    """

    corners: Float64
    looking: Float64
    light: Any


class SignalClasses:
    """Refines the segmentation of the town that is loaded.

    Args:
        session: with the server.
        roads: of the town.
    """

    def __init__(self, session: Session, roads: CarlaRoadMap) -> None:
        lines = {kind: roads.signals.lines(kind) for kind in (LIGHT, STOP)}
        self._lines = [(line, _height_m(roads, line)) for kind in lines for line in lines[kind]]
        state = session.carla.TrafficLightState
        self._shown = {
            state.Red: _ID["red_light"],
            state.Yellow: _ID["yellow_light"],
            state.Green: _ID["green_light"],
        }
        looking = {line.landmark: _heading(line) for line in lines[LIGHT]}
        self._boards = [_sign(line, _height_m(roads, line)) for line in lines[STOP]]
        with session.asked("where the heads of its traffic lights are"):
            for light in session.world.get_actors().filter("traffic.traffic_light"):
                if (known := light_id(light)) in looking:
                    self._boards += [
                        _Board(corners_of(session.carla, box), looking[known], light)
                        for box in light.get_light_boxes()
                    ]

    def refined(self, classes: UInt8, placed: Any, fov_deg: float) -> UInt8:
        """The classes (H, W) with those that tell when to stop.

        Args:
            classes: as the camera tells them.
            placed: where the camera was, a `carla.Transform`.
            fov_deg: its horizontal field of view.
        """
        eye, axes = axes_of(placed)
        focal = classes.shape[1] / 2 / math.tan(math.radians(fov_deg) / 2)
        fine = classes.copy()
        self._paint_lines(fine, eye, axes, focal)
        distances = [float(np.hypot(*(b.corners.mean(axis=0) - eye)[:2])) for b in self._boards]
        for index in np.argsort(distances)[::-1]:  # the nearest last
            if distances[index] < REACH_M:
                self._paint_board(fine, self._boards[index], eye, axes, focal)
        return fine

    def _paint_board(
        self, fine: UInt8, board: _Board, eye: Float64, axes: Float64, focal: float
    ) -> None:
        away = (board.corners - eye) @ axes.T
        if away[:, 0].min() < _NEAREST_M:
            return
        height, width = fine.shape
        columns = width / 2 - focal * away[:, 1] / away[:, 0]
        rows = height / 2 - focal * away[:, 2] / away[:, 0]
        part = fine[_span(rows, height), _span(columns, width)]
        plain = "traffic_sign" if board.light is None else "traffic_light"
        shown = _ID[plain]
        if float((board.corners.mean(axis=0) - eye)[:2] @ board.looking) > 0.0:
            shown = (
                _ID["stop_sign"]
                if board.light is None
                else self._shown.get(board.light.get_state(), shown)
            )
        part[_COARSE[part] == _ID[plain]] = shown

    def _paint_lines(self, fine: UInt8, eye: Float64, axes: Float64, focal: float) -> None:
        height, width = fine.shape
        reach = [(math.dist(line.centre, eye[:2]), line, z_m) for line, z_m in self._lines]
        near = [(line, z_m) for away_m, line, z_m in reach if away_m < LINE_REACH_M]
        rows, columns = np.nonzero(np.isin(fine, [_ID["road"], _ID["lane_marking"]]))
        if not near or not len(rows):
            return
        left = (width / 2 - (columns + 0.5)) / focal
        up = (height / 2 - (rows + 0.5)) / focal
        rays = axes[0] + left[:, None] * axes[1] + up[:, None] * axes[2]
        for line, z_m in near:
            with np.errstate(divide="ignore"):
                share = (z_m - eye[2]) / rays[:, 2]
            places = eye[:2] + share[:, None] * rays[:, :2] - np.array(line.centre)
            along, across = _in_frame(places, line.yaw_rad)
            on = (share > 0.0) & (np.abs(along) < LINE_HALF_M) & (np.abs(across) < line.width_m / 2)
            fine[rows[on], columns[on]] = _ID["stop_line"]


def _in_frame(places: Float64, yaw_rad: float) -> tuple[Float64, Float64]:
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    return c * places[:, 0] + s * places[:, 1], c * places[:, 1] - s * places[:, 0]


def _span(values: Float64, size: int) -> slice:
    low, high = math.floor(values.min()), math.ceil(values.max())
    return slice(min(max(low, 0), size), min(max(high, 0), size))


def _heading(line: SignalLine) -> Float64:
    return np.array([math.cos(line.yaw_rad), math.sin(line.yaw_rad)])


def _height_m(roads: CarlaRoadMap, line: SignalLine) -> float:
    return roads.nearest(*line.centre).z_m


def _sign(line: SignalLine, ground_m: float) -> _Board:
    half_m, low_m, high_m = SIGN_M
    x, y = line.foot
    corners = [
        (x + dx, y + dy, ground_m + z)
        for dx in (-half_m, half_m)
        for dy in (-half_m, half_m)
        for z in (low_m, high_m)
    ]
    return _Board(np.array(corners), _heading(line), None)
