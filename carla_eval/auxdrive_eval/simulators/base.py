"""What a simulator is to everything that records and drives in it: the protocol, the settings that
all of them have, and the row of the table that offers one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.strict import Strict
from auxdrive.types import AnyArray, Control
from pydantic import Field

from auxdrive_eval.world import Point, Route, TownMap, Weather, WorldState

TICK_S = 0.05
"""20 Hz, as the leaderboard."""


class Simulator(Protocol):
    """A world that is stepped at a fixed rate and drives one ego along a route. The ego's pose is
    that of its rear axle.

    The same route and seed give the same run, tick by tick, also in another process.

    Attributes:
        version: of its worlds. Two drives in equal versions are comparable, route by route, and no
            others: raise it when a route, seed and driver give another drive than before.
        tick_s: seconds from one tick to the next.
        camera: what the modalities of the camera are seen through.
        vehicle: the ego.
        steering: how far its wheels turn.
    """

    version: str
    tick_s: float
    camera: CameraSpec
    vehicle: VehicleSpec
    steering: SteeringSpec

    def plan(
        self,
        town: str,
        keypoints: Sequence[Point],
        route_id: str = "0",
        weather: Weather | None = None,
        yaws_rad: Sequence[float | None] = (),
    ) -> Route:
        """The route through keypoints of a town.

        Args:
            town: its name.
            keypoints: two or more (x, y) in the world frame, metres.
            route_id: what the route is called.
            weather: None is the simulator's own.
            yaws_rad: heading of the lane at each keypoint, positive to the left; None where it is
                not known. Empty: none is.

        Raises:
            SimulatorError: no such town, or no route through these keypoints that fits them.
        """

    def random_route(self, seed: int) -> Route:
        """The route of a seed from 0 to 9999, in the town and weather of that seed; its id is the
        seed.

        Raises:
            SimulatorError: there is none.
        """

    def town_map(self, town: str) -> TownMap:
        """What a map of a town shows.

        Raises:
            SimulatorError: no such town.
        """

    def reset(self, route: Route, seed: int) -> WorldState:
        """Put the ego at rest on the start of the route, with traffic and lights from `seed`.

        Raises:
            SimulatorError: the route is none of this simulator's.
        """

    def step(self, control: Control) -> WorldState:
        """Advance by one tick under this control. Sensors are not rendered.

        Raises:
            SimulatorError: no route was set, or the control is not finite.
        """

    def sense(self, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
        """Frames of the present instant in the stored format, whose shapes and units stand in
        `auxdrive.MODALITIES`. Valid until the next call.

        Raises:
            SimulatorError: no route was set, the simulator was made without sensors, or it has no
                such sensor.
        """

    def expert(self) -> Control:
        """What the privileged driver would do now.

        Raises:
            SimulatorError: no route was set.
        """

    def close(self) -> None:
        """Release what it holds: windows, processes, connections."""


class SimulatorOptions(Strict):
    """The settings of a simulator. Each has a class of its own, with what else decides its worlds.

    Attributes:
        camera: what an agent without a camera of its own, and a recording, see through.
        tick_s: seconds from one tick to the next.
    """

    camera: CameraSpec
    tick_s: float = Field(default=TICK_S, gt=0)


Options = TypeVar("Options", bound=SimulatorOptions)


@dataclass(frozen=True, slots=True)
class SimulatorSpec(Generic[Options]):
    """A simulator as the table offers it. What is only needed to make one is imported in `make`.

    Attributes:
        title: what it is called in texts ("auxdrive's embedded simulator").
        options_type: its own options; every field has a default.
        make: (options, sensors) -> simulator. Without sensors it needs no renderer, and plans,
            steps and drives its expert all the same.
        sensors: what it can sense, in the order in which it is recorded.
        caveat: what its scores must not be taken for.
        extra: the extra of auxdrive that brings what it needs.
        package: the module that must be there to sense; `auxdrive doctor` looks, and so do
            `collect` and `drive` before they begin.
    """

    title: str
    options_type: type[Options]
    make: Callable[[Options, bool], Simulator]
    sensors: tuple[Modality, ...]
    caveat: str = "no CARLA scores"
    extra: str = ""
    package: str = ""
