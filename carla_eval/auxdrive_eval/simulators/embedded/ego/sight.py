"""What lies in a camera's view: in its frame, within reach, and hidden by nothing.

It says of a place what the camera's depth image would say, by geometry alone: buildings, crowns of
trees, cars and people are upright boxes with a lower and an upper end, and a place is hidden if the
straight line to it passes through one. Poles, trunks and kerbs hide nothing: they are too thin or
too low. It costs a fraction of a tick, renders nothing, and is the same at every tick, whether an
image is made there or not.

Legend: P places, float64 (P, 3), x, y, z in the world frame, metres; B boxes, float64 (B, 5), see
`geometry.boxes`; ends, float64 (B, 2), are heights above the ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.errors import SimulatorError
from auxdrive.types import Float64, Pose2
from numpy.typing import NDArray

from auxdrive_eval.simulators.embedded.geometry.boxes import box
from auxdrive_eval.simulators.embedded.town.model import Prop, PropKind, Town

Mask = NDArray[np.bool_]

REACH_M = 50.0
"""What is farther away is too small in the image to act on: in one of 256 columns a lamp of half a
metre is about a pixel.
"""
READABLE_PIXELS = 1.5
"""So wide in the image must a signal be of which the colour counts."""
NEAR_M = 0.4
BEHIND_M = 10.0
"""Of whom the middle is farther behind the camera, nothing is before it."""
EYE_M = 1.0
"""Whether a place on the road is in view is asked at this height: that of a car's body."""
_NOTHING = 1e-9
_CROWN = {False: (0.45, 0.95, 0.80), True: (0.22, 0.80, 0.62)}
"""Of a broad tree and of a conifer: lower and upper end of the crown's box as shares of the height,
and its side as a share of the crown's diameter.
"""


class Screens:
    """What stands in a town and hides what is behind it.

    Args:
        town: whose buildings, parked cars and trees they are.
    """

    def __init__(self, town: Town) -> None:
        found = [screen for screen in map(_screen, town.props) if screen is not None]
        self.boxes: Float64 = np.array([where for where, _ in found]).reshape(-1, 5)
        self.ends: Float64 = np.array([ends for _, ends in found]).reshape(-1, 2)


def _screen(prop: Prop) -> tuple[Float64, tuple[float, float]] | None:
    if prop.kind in (PropKind.BUILDING, PropKind.PARKED_CAR):
        whole = box(prop.x_m, prop.y_m, prop.yaw_rad, prop.length_m, prop.width_m)
        return whole, (0.0, prop.height_m)
    if prop.kind is not PropKind.TREE:
        return None
    low, high, share = _CROWN[prop.style % 4 == 3]
    side_m = share * max(3.0, 0.55 * prop.height_m)
    crown = box(prop.x_m, prop.y_m, prop.yaw_rad, side_m, side_m)
    return crown, (low * prop.height_m, high * prop.height_m)


@dataclass(frozen=True, slots=True)
class Movers:
    """Whoever moves, or may: boxes (B, 5), heights (B,), and the ids of their rows."""

    boxes: Float64
    heights_m: Float64
    ids: tuple[int, ...]


NOBODY = Movers(np.empty((0, 5)), np.empty(0), ())


class Sight:
    """The camera of a car.

    Args:
        camera: in the ego's frame. `fov_deg` is required.
        screens: of the town.

    Raises:
        SimulatorError: the camera has no field of view.
    """

    def __init__(self, camera: CameraSpec, screens: Screens) -> None:
        if camera.fov_deg is None:
            raise SimulatorError(
                "an expert that acts on what its camera sees needs the camera's horizontal field "
                "of view: give camera.fov_deg, or the expert all_knowing"
            )
        self.camera = camera
        self.half_width = math.tan(math.radians(camera.fov_deg) / 2)
        self.half_height = self.half_width * camera.height / camera.width
        self._screens = screens
        self._sides_m = np.hypot(screens.boxes[:, 3], screens.boxes[:, 4])

    def look(self, ego: Pose2, movers: Movers = NOBODY) -> View:
        """What is to be seen from a pose.

        Args:
            ego: pose of the rear axle.
            movers: who may be seen, and hides others.
        """
        camera, cos, sin = self.camera, math.cos(ego.yaw_rad), math.sin(ego.yaw_rad)
        eye = (
            ego.x_m + camera.x_m * cos - camera.y_m * sin,
            ego.y_m + camera.x_m * sin + camera.y_m * cos,
            camera.z_m,
        )
        boxes = self._screens.boxes
        dx, dy = boxes[:, 0] - eye[0], boxes[:, 1] - eye[1]
        ahead, left = dx * cos + dy * sin, np.abs(dy * cos - dx * sin)
        near = (ahead > -self._sides_m) & (ahead < REACH_M + self._sides_m)
        near &= left - self._sides_m < (ahead + self._sides_m) * self.half_width
        return View(self, ego, eye, boxes[near], self._screens.ends[near], movers)


class View:
    """What a camera sees from one place at one instant. `Sight.look` makes it.

    Args:
        sight: the camera.
        ego: pose of the rear axle.
        eye: the camera's place, x, y, z in the world frame.
        boxes: of what stands, (B, 5).
        ends: of these, (B, 2).
        movers: who may be seen, and hides others.

    Attributes:
        eye: the camera's place, float64 (3,).
    """

    def __init__(
        self,
        sight: Sight,
        ego: Pose2,
        eye: tuple[float, float, float],
        boxes: Float64,
        ends: Float64,
        movers: Movers,
    ) -> None:
        self._sight, self.eye = sight, np.array(eye)
        self._cos, self._sin = math.cos(ego.yaw_rad), math.sin(ego.yaw_rad)
        self._movers = movers
        self._standing = len(boxes)
        self._boxes = np.vstack([boxes, movers.boxes])
        tops = np.column_stack([np.zeros(len(movers.ids)), movers.heights_m])
        self._ends = np.vstack([ends, tops])

    def in_frame(self, places: Float64) -> Mask:
        """Whether places lie in the image and within reach, hidden or not.

        Args:
            places: float64 (P, 3).

        Returns:
            bool (P,).
        """
        camera = self._sight.camera
        dx, dy, dz = (places - self.eye).T
        ahead, left = dx * self._cos + dy * self._sin, dy * self._cos - dx * self._sin
        tilt_cos, tilt_sin = math.cos(camera.pitch_rad), math.sin(camera.pitch_rad)
        depth, up = ahead * tilt_cos - dz * tilt_sin, ahead * tilt_sin + dz * tilt_cos
        return np.asarray(
            (depth > NEAR_M)
            & (np.abs(left) <= depth * self._sight.half_width)
            & (np.abs(up) <= depth * self._sight.half_height)
            & (dx * dx + dy * dy < REACH_M**2)
        )

    def sees(
        self, places: Float64, movers: bool = True, owners: NDArray[np.intp] | None = None
    ) -> Mask:
        """Whether places are in view.

        Args:
            places: float64 (P, 3).
            movers: whether cars and people hide what is behind them.
            owners: (P,), the mover to which each place belongs, which does not hide it; by its row
                in `Movers`. None is nobody.

        Returns:
            bool (P,).
        """
        seen = self.in_frame(places)
        index = np.flatnonzero(seen)
        count = len(self._boxes) if movers else self._standing
        if not len(index) or not count:
            return seen
        hit = self._slabs.passed(places[index], count)
        if owners is not None and movers:
            own = owners[index]
            owned = np.flatnonzero(own >= 0)
            hit[owned, self._standing + own[owned]] = False
        seen[index] = ~hit.any(axis=1)
        return seen

    def reads(self, places: Float64, size_m: float) -> Mask:
        """Whether signals are in view, and `READABLE_PIXELS` wide or wider in the image.

        Args:
            places: of their middles, float64 (P, 3).
            size_m: how wide each is.

        Returns:
            bool (P,).
        """
        camera = self._sight.camera
        focal_pixels = camera.width / (2 * self._sight.half_width)
        away_m = np.linalg.norm(places - self.eye, axis=-1)
        near = away_m <= size_m * focal_pixels / READABLE_PIXELS
        return np.asarray(self.sees(places) & near)

    @cached_property
    def _slabs(self) -> _Slabs:
        return _Slabs(self.eye, self._boxes, self._ends)

    @cached_property
    def seen_ids(self) -> frozenset[int]:
        """The movers of whom something is in view: the middle of the body, or near one of its
        corners.
        """
        movers = self._movers
        if not movers.ids:
            return frozenset()
        boxes = movers.boxes
        dx, dy = boxes[:, 0] - self.eye[0], boxes[:, 1] - self.eye[1]
        ahead = dx * self._cos + dy * self._sin > -BEHIND_M
        near = np.flatnonzero(ahead & (dx**2 + dy**2 < (REACH_M + 3.0) ** 2))
        if not len(near):
            return frozenset()
        along = np.outer(0.8 * boxes[near, 3], (0.0, 1.0, 1.0, -1.0, -1.0))
        left = np.outer(0.8 * boxes[near, 4], (0.0, 1.0, -1.0, 1.0, -1.0))
        cos, sin = np.cos(boxes[near, 2])[:, None], np.sin(boxes[near, 2])[:, None]
        x = boxes[near, 0][:, None] + along * cos - left * sin
        y = boxes[near, 1][:, None] + along * sin + left * cos
        z = np.broadcast_to((0.7 * movers.heights_m[near])[:, None], x.shape)
        places = np.stack([x, y, z], axis=-1).reshape(-1, 3)
        seen = self.sees(places, owners=np.repeat(near, 5)).reshape(-1, 5).any(axis=1)
        return frozenset(movers.ids[row] for row in near[seen])

    def within(self, place: tuple[float, float], away_m: float) -> frozenset[int]:
        """The movers whose middles are near a place, in view or not.

        Args:
            place: (x, y) in the world frame.
            away_m: no farther away than this.
        """
        movers = self._movers
        near = np.hypot(movers.boxes[:, 0] - place[0], movers.boxes[:, 1] - place[1]) < away_m
        return frozenset(movers.ids[row] for row in np.flatnonzero(near))


class _Slabs:
    """Upright boxes as a camera's place sees them: what of the test is the same for every line from
    there.

    Args:
        eye: the place.
        boxes: (B, 5).
        ends: of these, (B, 2).
    """

    def __init__(self, eye: Float64, boxes: Float64, ends: Float64) -> None:
        self._eye, self._boxes, self._ends = eye, boxes, ends
        self._cos, self._sin = np.cos(boxes[:, 2]), np.sin(boxes[:, 2])
        ox, oy = eye[0] - boxes[:, 0], eye[1] - boxes[:, 1]
        self._to_x = -(ox * self._cos + oy * self._sin)
        self._to_y = -(oy * self._cos - ox * self._sin)

    def passed(self, places: Float64, count: int) -> Mask:
        """Whether the straight line from the eye to each place passes through each box, by its
        slabs (Kay, Kajiya 1986).

        Args:
            places: (P, 3).
            count: of how many boxes, the first ones.

        Returns:
            bool (P, count).
        """
        boxes, ends = self._boxes[:count], self._ends[:count]
        cos, sin = self._cos[:count], self._sin[:count]
        dx, dy, dz = (places - self._eye).T[:, :, None]
        step_x, step_y = dx * cos + dy * sin, dy * cos - dx * sin
        # A line along a side meets its slab nowhere or everywhere.
        across_x, across_y = _off_zero(step_x), _off_zero(step_y)
        reach_x, reach_y = boxes[:, 3] / across_x, boxes[:, 4] / across_y
        middle_x, middle_y = self._to_x[:count] / step_x, self._to_y[:count] / step_y
        enters = np.maximum(np.maximum(middle_x - reach_x, middle_y - reach_y), 0.0)
        leaves = np.minimum(np.minimum(middle_x + reach_x, middle_y + reach_y), 1.0)
        found = enters < leaves
        if not found.any():
            return np.asarray(found)
        first, last = self._eye[2] + enters * dz, self._eye[2] + leaves * dz
        return np.asarray(
            found & (np.minimum(first, last) < ends[:, 1]) & (np.maximum(first, last) > ends[:, 0])
        )


def _off_zero(steps: Float64) -> Float64:
    """The amounts of steps. Those that are next to nothing become a small positive step."""
    amounts = np.abs(steps)
    nothing = amounts < _NOTHING
    if nothing.any():
        steps[nothing] = amounts[nothing] = _NOTHING
    return amounts
