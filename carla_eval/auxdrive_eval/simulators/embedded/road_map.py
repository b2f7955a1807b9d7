"""The road map of an embedded town: its lane graph and its signals."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from auxdrive_eval.road_maps.base import LaneId, LanePoint, Segment, Side
from auxdrive_eval.road_maps.town_map import LaneLine, TownMap
from auxdrive_eval.simulators.embedded.ego.nearby_signals import SignalViews
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph, Position
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.world import LaneView, LightColour, Point, StopSignView, TrafficLightView


def map_of(town: Town) -> TownMap:
    """What a drawing of a town shows."""
    return TownMap(
        lanes=tuple(LaneLine(lane.centreline, lane.width_m) for lane in town.lanes.values()),
        lights=tuple(light.stop_line for light in town.lights.values()),
        stop_signs=tuple(sign.stop_line for sign in town.stop_signs.values()),
    )


class EmbeddedRoadMap:
    """An embedded town as a `RoadMap`. It is flat, and a lane has no neighbour into which one may
    change.

    Args:
        graph: the lanes of the town.
    """

    def __init__(self, graph: LaneGraph) -> None:
        self.name = graph.town.name
        self.geo = graph.town.geo
        self._graph = graph
        self._signals = SignalViews(graph.town)

    def segments(self, hop_m: float) -> tuple[Segment, ...]:
        """See `RoadMap`.

        Args:
            hop_m: from one point of a lane to the next.
        """
        found = []
        for lane in self._graph.lane_ids:
            length_m = self._graph.town.lanes[lane].length_m
            path = tuple(self._point(lane, at) for at in np.arange(hop_m, length_m - hop_m, hop_m))
            middle = path or (self._point(lane, length_m / 2),)
            found.append(Segment(self._point(lane, 0.0), middle, self._point(lane, length_m)))
        return tuple(found)

    def nearest(
        self,
        x_m: float,
        y_m: float,
        z_m: float = 0.0,
    ) -> LanePoint:
        """See `RoadMap`.

        Args:
            x_m: in the world frame.
            y_m: in the world frame.
            z_m: tells a bridge from what it crosses.
        """
        places, _ = self._graph.positions_near(x_m, y_m, 0.0)
        if places:
            lane, along_m = min(
                places, key=lambda place: (places[place] + abs(self._z(place) - z_m), place)
            )
            return self._point(lane, along_m)
        away = np.hypot(*(self._graph.points - (x_m, y_m)).T)
        index = int(np.argmin(away))
        return self._point(
            int(self._graph.lane_of_point[index]), float(self._graph.arclength[index])
        )

    def ahead(self, point: LanePoint, distance_m: float) -> tuple[LanePoint, ...]:
        """See `RoadMap`.

        Args:
            point: of this map.
            distance_m: above 0.
        """
        lane, along_m = self._place(point)
        return self._on(lane, along_m + distance_m)

    def beside(
        self,
        point: LanePoint,  # noqa: ARG002 - the protocol's signature
        side: Side,  # noqa: ARG002
    ) -> LanePoint | None:
        """None: no lane has a neighbour.

        Args:
            point: of this map.
            side: on which the neighbour would lie.
        """
        return None

    def lane_view(
        self,
        x_m: float,
        y_m: float,
        yaw_rad: float,
        z_m: float = 0.0,
    ) -> LaneView:
        """See `RoadMap`. Where connectors of a junction cross, the one whose heading is nearest to
        `yaw_rad` is preferred.

        Args:
            x_m: in the world frame.
            y_m: in the world frame.
            yaw_rad: the heading of who is there.
            z_m: tells a bridge from what it crosses.
        """
        return self._graph.nearest_lane(x_m, y_m, yaw_rad, z_m)

    def lights(
        self, place: Point, colours: Mapping[int, LightColour]
    ) -> tuple[TrafficLightView, ...]:
        """See `RoadMap`.

        Args:
            place: in the world frame.
            colours: the colour of every light of the town, by its id.
        """
        return self._signals.lights(place, colours)

    def stop_signs(self, place: Point) -> tuple[StopSignView, ...]:
        """See `RoadMap`."""
        return self._signals.stop_signs(place)

    def town_map(self) -> TownMap:
        """See `RoadMap`."""
        return map_of(self._graph.town)

    def _on(self, lane: int, along_m: float) -> tuple[LanePoint, ...]:
        beyond_m = along_m - self._graph.town.lanes[lane].length_m
        if beyond_m <= 0:
            return (self._point(lane, along_m),)
        return tuple(
            point
            for following in self._graph.town.lanes[lane].successors
            for point in self._on(following, beyond_m)
        )

    def _point(self, lane: int, along_m: float) -> LanePoint:
        points, yaws = self._graph.poses(np.array([lane]), np.array([along_m]))
        view = self._graph.town.lanes[lane]
        (x_m, y_m), yaw_rad = points[0].tolist(), math.remainder(float(yaws[0]), math.tau)
        place: Position = lane, float(along_m)
        return LanePoint(
            x_m,
            y_m,
            self._z(place),
            yaw_rad,
            LaneId(view.road_id, 0, lane),
            view.junction_id is not None,
            place,
        )

    def _z(self, place: Position) -> float:
        return self._graph.height_at(*place) or 0.0

    @staticmethod
    def _place(point: LanePoint) -> Position:
        assert isinstance(point.place, tuple), "a point of another map"
        lane, along_m = point.place
        return lane, along_m
