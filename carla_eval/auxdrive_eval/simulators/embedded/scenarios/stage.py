"""What a scenario may see and do while its route is driven, in whichever simulator: a simulator
that plays scenarios has a `Stage`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import CarKind
from auxdrive_eval.simulators.embedded.traffic.bodies import Bodies, Body
from auxdrive_eval.simulators.embedded.traffic.car import Car, Claim

CLAIM_M = 4.0
STANDS_MPS = 0.5


class NoRoom(Exception):
    """Somebody or something of a scenario could not be put where it belongs; the text says what."""


class JunctionsOfScenarios(Protocol):
    """Who may enter a junction; see `auxdrive_eval.simulators.embedded.traffic.junctions`."""

    def granted(self, car_id: int) -> int | None:
        """The connector that is reserved for a car, or None."""

    def bar(self, car_id: int) -> None:
        """Let a car wait at its line until it is forced or freed."""

    def force(self, car_id: int, connector: int) -> None:
        """Let a car enter, whatever its signal, until it is freed.

        Args:
            car_id: whose next lane is the connector.
            connector: the connector's id.
        """

    def free(self, car_id: int) -> None:
        """Let a car obey the rules again."""

    def to_line_m(self, car: Car) -> float:
        """Distance from the car's front to the end of its lane."""


class TrafficOfScenarios(Protocol):
    """The cars that drive on lanes, by their ids."""

    cars: dict[int, Car]

    @property
    def graph(self) -> LaneGraph:
        """The lanes."""

    @property
    def junctions(self) -> JunctionsOfScenarios:
        """Who may enter them."""

    def add(
        self, kind: CarKind, colour: int, lane: int, along_m: float, ahead: Sequence[int] = ()
    ) -> Car:
        """Put one more car at rest on a lane.

        Args:
            kind: its body type.
            colour: number of its paint colour.
            lane: the lane's id.
            along_m: where its centre is on that lane.
            ahead: the lanes that it will drive next.

        Raises:
            NoRoom: it cannot be put there.
        """

    def boxes(self) -> Float64:
        """Boxes of all cars, float64 (N, 5)."""


class LightsOfScenarios(Protocol):
    """The traffic lights."""

    def prolong(self, light_id: int, time_s: float, tick_s: float) -> bool:
        """Keep a light green that is green.

        Args:
            light_id: of the town.
            time_s: now.
            tick_s: length of the tick.

        Returns:
            Whether it is green.
        """


@dataclass(kw_only=True)
class Stage(ABC):
    """The world of a route, from tick to tick.

    Attributes:
        ground: the route.
        traffic: the moving cars.
        bodies: who and what is beside the traffic.
        lights: the traffic lights.
        rng: of the scenarios alone.
        tick_s: length of a tick.
        time_s: game time.
        steer_bias_rad: what is added to the ego's steering.
        pedal_bias: what is added to the ego's throttle.
        claims: where cars that obey no rule will be soon; made anew in every tick.
    """

    ground: Ground
    traffic: TrafficOfScenarios
    bodies: Bodies
    lights: LightsOfScenarios
    rng: np.random.Generator
    tick_s: float
    time_s: float = 0.0
    steer_bias_rad: float = 0.0
    pedal_bias: float = 0.0
    claims: list[Claim] = field(default_factory=list)

    @property
    @abstractmethod
    def ego_m(self) -> float:
        """Where the ego's centre is on the route."""

    @property
    @abstractmethod
    def front_m(self) -> float:
        """Where the ego's front bumper is on the route."""

    @property
    @abstractmethod
    def speed_mps(self) -> float:
        """The ego's speed."""

    def arrives_within(self, along_m: float, time_s: float, distance_m: float = 0.0) -> bool:
        """Whether the ego's front reaches a place of the route soon, at its present speed.

        Args:
            along_m: the place.
            time_s: within this time.
            distance_m: or is no farther away than this.
        """
        left_m = along_m - self.front_m
        return left_m <= max(distance_m, time_s * self.speed_mps)

    @abstractmethod
    def join_traffic(
        self, body: Body, colour: int, lane: int, along_m: float, ahead: Sequence[int]
    ) -> Car:
        """Let a car that followed a path of its own drive on lanes from now on.

        Args:
            body: a car.
            colour: number of its paint colour.
            lane: on which it drives from now on.
            along_m: where its centre is on that lane.
            ahead: the lanes that it will drive next.
        """

    @abstractmethod
    def claim_ahead(self, car: Car, ahead_m: float) -> None:
        """Tell the traffic that a car will come, whoever has the right of way.

        Args:
            car: of the traffic.
            ahead_m: how far along its lanes, from its middle.
        """

    @abstractmethod
    def claim_standing(self, connectors: Collection[int]) -> None:
        """Tell the traffic of the cars that stand in a junction, where usually nobody does: they
        are in the way of lanes that part from theirs too.

        Args:
            connectors: the lanes of the junction.
        """

    def dismiss(self, actor_ids: Collection[int]) -> None:  # noqa: B027 - here they go on or stay
        """A scenario is over.

        Args:
            actor_ids: who and what belongs to it.
        """
