"""Road maps: what planner, criteria and reports ask of a map, whoever has it."""

from auxdrive_eval.road_maps.base import LaneId, LanePoint, RoadMap, Segment, Side
from auxdrive_eval.road_maps.carla_map import CarlaRoadMap, open_map
from auxdrive_eval.road_maps.geo import GeoReference, Projection

__all__ = [
    "CarlaRoadMap",
    "GeoReference",
    "LaneId",
    "LanePoint",
    "Projection",
    "RoadMap",
    "Segment",
    "Side",
    "open_map",
]
