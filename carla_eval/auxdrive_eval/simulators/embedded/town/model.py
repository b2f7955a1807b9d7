"""The map of an embedded town: lanes, junctions, lights, and everything that can be seen or hit.

It is pure data (NumPy): `generate` makes it from a seed, `opendrive` from a map of CARLA; physics
and traffic use it, and the renderer draws it. The world frame is right-handed, z up, metres;
traffic drives on the right.
Legend: N points along a line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from auxdrive.types import Float64, RoadOption

from auxdrive_eval.road_maps.geo import GeoReference
from auxdrive_eval.world import Point


class JunctionKind(StrEnum):
    """Shape of a junction. One of any other shape has no arm that ends there."""

    FOUR_WAY = "four_way"
    TEE = "tee"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Lane:
    """A driving lane of one direction.

    Attributes:
        centreline: float64 (N, 2), about 1 m apart, in driving direction.
        arclength: float64 (N,).
        yaw_rad: float64 (N,).
        successors: ids of the lanes that follow.
        predecessors: ids of the lanes before.
        junction_id: for a connector, the junction that it leads through, else None.
        turn: LEFT, RIGHT or STRAIGHT for connectors, LANE_FOLLOW for others.
        light_id: the light whose stop line is at the END of this lane.
        stop_sign_id: the stop sign whose line is at the END of this lane.
        parking_m: width of the parking bays to the right, 0 without.
        gives_way: whether a sign at its END says so.
        height_m: float64 (N,), of its points above the ground; None in a flat town.
    """

    lane_id: int
    road_id: int
    centreline: Float64
    arclength: Float64
    yaw_rad: Float64
    width_m: float
    speed_limit_mps: float
    successors: tuple[int, ...]
    predecessors: tuple[int, ...]
    junction_id: int | None = None
    turn: RoadOption = RoadOption.LANE_FOLLOW
    light_id: int | None = None
    stop_sign_id: int | None = None
    parking_m: float = 0.0
    gives_way: bool = False
    height_m: Float64 | None = None

    @property
    def length_m(self) -> float:
        """Length of the centre line, metres."""
        return float(self.arclength[-1])


@dataclass(frozen=True, slots=True)
class Road:
    """A two-way road between two junctions (or a curve between them): for drawing.

    Attributes:
        centreline: float64 (N, 2).
        half_width_m: from the centre line to the kerb.
        parking_m: width of the parking bays on both sides, 0 without.
    """

    road_id: int
    centreline: Float64
    half_width_m: float
    parking_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Junction:
    """A junction. `polygon` (M, 2) is its paved outline, counter-clockwise and star-shaped about
    its centre. `is_outlined` is whether it is drawn by it; else the town's bands show it.
    """

    junction_id: int
    kind: JunctionKind
    centre: Point
    polygon: Float64
    connector_ids: tuple[int, ...]
    is_outlined: bool = True


@dataclass(frozen=True, slots=True)
class TrafficLight:
    """A light at the end of the lane `lane_id`. The lights of a junction form groups, which are
    green in turn.

    Attributes:
        location: the foot of the pole.
        yaw_rad: where the lamps face (towards the arriving cars).
        has_post: False if it shares the posts of the light of a neighbouring lane.
    """

    light_id: int
    junction_id: int
    lane_id: int
    group: int
    location: Point
    yaw_rad: float
    stop_line: tuple[Point, Point]
    has_post: bool = True


@dataclass(frozen=True, slots=True)
class StopSign:
    """A stop sign at the end of the lane `lane_id`. `has_post` is False if it shares the post of
    the sign of a neighbouring lane.
    """

    sign_id: int
    junction_id: int
    lane_id: int
    location: Point
    yaw_rad: float
    stop_line: tuple[Point, Point]
    has_post: bool = True


class Ground(StrEnum):
    """What a band of ground is."""

    ROAD = "road"
    SIDEWALK = "sidewalk"
    WHITE_PAINT = "white_paint"
    YELLOW_PAINT = "yellow_paint"


@dataclass(frozen=True, slots=True)
class Band:
    """A band of ground between two lines, `left` and `right`, each float64 (N, 2). A sidewalk has
    kerbs on both.
    """

    ground: Ground
    left: Float64
    right: Float64


class CarKind(StrEnum):
    """Body types of cars."""

    SEDAN = "sedan"
    HATCHBACK = "hatchback"
    VAN = "van"


CAR_SIZES_M = {
    CarKind.SEDAN: (4.5, 1.8, 1.45),
    CarKind.HATCHBACK: (4.0, 1.75, 1.5),
    CarKind.VAN: (4.9, 1.9, 2.0),
}
"""Length, width and height of each body type, moving or parked."""
CAR_COLOURS = 8
"""Number of paint colours."""


class BodyKind(StrEnum):
    """Who or what is on or beside the road, and is no car."""

    PEDESTRIAN = "pedestrian"
    CYCLIST = "cyclist"
    VENDING_MACHINE = "vending_machine"
    CONTAINER = "container"
    DIRT = "dirt"


BODY_SIZES_M = {
    BodyKind.PEDESTRIAN: (0.4, 0.5, 1.75),
    BodyKind.CYCLIST: (1.7, 0.6, 1.75),
    BodyKind.VENDING_MACHINE: (0.8, 1.1, 1.9),
    BodyKind.CONTAINER: (1.6, 1.3, 1.2),
    BodyKind.DIRT: (2.2, 1.6, 0.0),
}
"""Length (the direction in which it looks), width and height of each."""


class PropKind(StrEnum):
    """Things that stand in a town. All but terrain can be hit."""

    BUILDING = "building"
    TREE = "tree"
    POLE = "pole"
    PARKED_CAR = "parked_car"


@dataclass(frozen=True, slots=True)
class Prop:
    """A thing that stands in a town: an oriented box (length along the yaw, width, height) that can
    be hit. `style` selects texture and colour.

    The box of a tree is its trunk, as high as the tree; the crown is drawn around it and cannot be
    hit. The yaw of a pole, a street lamp, points towards the road. The yaw of a parked car is its
    heading; `car` is its body type, and its style the paint colour.
    """

    prop_id: int
    kind: PropKind
    x_m: float
    y_m: float
    yaw_rad: float
    length_m: float
    width_m: float
    height_m: float
    style: int
    car: CarKind | None = None

    def __post_init__(self) -> None:
        if (self.car is not None) != (self.kind is PropKind.PARKED_CAR):
            raise ValueError(
                f"a prop has a car's body if and only if it is a parked car, got {self.kind} with "
                f"{self.car}"
            )


@dataclass(frozen=True, slots=True)
class Town:
    """A whole town. Ids are the keys of the dictionaries.

    Attributes:
        seed: of its textures and sky, and of all else in a town that was generated.
        roads: what is drawn as a road of the generated kind.
        bounds: (min x, min y, max x, max y).
        bands: what else lies on the ground.
        crosswalks: corners of each, float64 (M, 2).
        geo: where its origin lies on the globe.
    """

    name: str
    seed: int
    lanes: dict[int, Lane]
    roads: dict[int, Road]
    junctions: dict[int, Junction]
    lights: dict[int, TrafficLight]
    stop_signs: dict[int, StopSign]
    props: tuple[Prop, ...]
    kerb_height_m: float
    sidewalk_width_m: float
    bounds: tuple[float, float, float, float]
    bands: tuple[Band, ...] = ()
    crosswalks: tuple[Float64, ...] = ()
    geo: GeoReference = field(default_factory=lambda: GeoReference(0.0, 0.0))


@dataclass(frozen=True, slots=True)
class CarPose:
    """A car to draw: centre of its footprint, heading, body."""

    car_id: int
    kind: CarKind
    x_m: float
    y_m: float
    yaw_rad: float
    length_m: float
    width_m: float
    height_m: float
    colour: int
    braking: bool = False


@dataclass(frozen=True, slots=True)
class BodyPose:
    """A pedestrian, cyclist or thing to draw: centre of its footprint, heading, looks.

    Attributes:
        style: selects its colours.
        step: how the legs are: 0 standing, 1 and 2 the two strides.
    """

    body_id: int
    kind: BodyKind
    x_m: float
    y_m: float
    yaw_rad: float
    style: int
    step: int = 0
