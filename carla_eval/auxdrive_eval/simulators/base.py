"""What a simulator must offer for recording and driving: the protocol, the settings that every
simulator has, and a row of the table of simulators.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.strict import Strict
from auxdrive.types import AnyArray, Control
from pydantic import Field

from auxdrive_eval.road_maps.town_map import TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point, WorldState

TICK_S = 0.05
"""20 ticks per second, as in the leaderboard."""
DEFAULT_CAMERA = CameraSpec(width=256, height=144, fov_deg=100.0, x_m=1.7, y_m=0.0, z_m=1.6)
"""Where no camera is given: behind the windscreen, 1.7 m ahead of the rear axle. It is the same in
all simulators here, so that a student of the one may be driven in the other.
"""
ATTEMPTS = 3
"""So often a route or an episode is begun anew, each time in a new simulator, before a crash of the
simulation counts.
"""


class SimulationCrashed(SimulatorError):
    """The simulation itself failed: its server is gone, hangs, or sends no frames or black ones.
    Nobody who drives is to blame, and the route may succeed in a simulator that is made anew.

    Examples:
        >>> from auxdrive.errors import SimulatorError
        >>> from auxdrive_eval.simulators.base import SimulationCrashed
        >>> issubclass(SimulationCrashed, SimulatorError)
        True
    """


class Simulator(Protocol):
    """A world that moves on in steps of equal length while one ego drives along a route. The ego's
    pose is that of its rear axle.

    The same route and seed give the same run, tick by tick, also in another process.

    Attributes:
        version: version of its worlds. Drives can be compared, route by route, only if their
            versions are equal. Raise it whenever the same route, seed and driver give another drive
            than before.
        tick_s: seconds from one tick to the next.
        camera: the camera of the image modalities.
        vehicle: the ego.
        steering: how far the ego's wheels turn.

    Examples:
        >>> from auxdrive_eval import SimulatorSettings, make_simulator
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> state = simulator.reset(simulator.random_route(1000), seed=0)
        >>> for _ in range(20):
        ...     state = simulator.step(simulator.expert())
        >>> round(state.time_s, 2)
        1.0
        >>> simulator.close()
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
        """Plan a route through keypoints in a town.

        Args:
            town: name of the town.
            keypoints: two or more (x, y) in the world frame, metres.
            route_id: id of the route.
            weather: None is the simulator's default.
            yaws_rad: heading of the lane at each keypoint, positive to the left; None where it is
                not known. Empty if none is known.

        Raises:
            SimulatorError: there is no such town, or no route that fits these keypoints.
        """

    def random_route(self, seed: int) -> Route:
        """The route of a seed from 0 to 9999, in the town and weather of that seed. Its id is the
        seed.

        Raises:
            SimulatorError: this seed has no route.
        """

    def town_map(self, town: str) -> TownMap:
        """What a map of the town shows.

        Raises:
            SimulatorError: there is no such town.
        """

    def reset(self, route: Route, seed: int) -> WorldState:
        """Put the ego at rest at the start of the route.

        Args:
            route: from `plan` or `random_route` of a simulator of this kind.
            seed: decides traffic and lights.

        Returns:
            The world before the first tick.

        Raises:
            SimulatorError: the route belongs to another simulator.
        """

    def step(self, control: Control) -> WorldState:
        """Advance by one tick with this control. Nothing is rendered.

        Raises:
            SimulatorError: no route was set, or the control is not finite.
        """

    def sense(self, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
        """What the sensors see now, in the stored formats; `auxdrive.MODALITIES` gives their shapes
        and units. Valid until the next call.

        Raises:
            SimulatorError: no route was set, the simulator was made without sensors, or it has no
                such sensor.
        """

    def expert(self) -> Control:
        """The control that the simulator's own driver would choose now. It may use everything that
        the simulator knows.

        Raises:
            SimulatorError: no route was set.
        """

    def close(self) -> None:
        """Release its resources: windows, processes, connections."""


class SimulatorOptions(Strict):
    """The options that every simulator has. Each simulator has its own subclass, with whatever else
    decides its worlds.

    Attributes:
        camera: the camera of recordings, and of agents that do not bring their own.
        tick_s: seconds from one tick to the next.

    Examples:
        >>> from auxdrive import CameraSpec
        >>> from auxdrive_eval import SimulatorOptions
        >>> class PlaneOptions(SimulatorOptions):
        ...     camera: CameraSpec = CameraSpec(width=24, height=16, fov_deg=90.0)
        ...     grey: int = 100
        >>> PlaneOptions(grey=50).tick_s
        0.05
    """

    camera: CameraSpec
    tick_s: float = Field(default=TICK_S, gt=0)


Options = TypeVar("Options", bound=SimulatorOptions)


@dataclass(frozen=True, slots=True)
class SimulatorSpec(Generic[Options]):
    """A simulator as the table lists it. What is needed only to make one is imported by `make`.

    Attributes:
        title: its name in texts ("auxdrive's embedded simulator").
        options_type: class of its options; every field has a default.
        make: (options, sensors) -> simulator. Without sensors it needs no renderer, and can still
            plan, step and drive its expert.
        sensors: what it can sense, in the order of recording.
        recorded: what a recording holds where nobody chooses; empty for all of `sensors`.
        lidar_points: whether it gives the points of its LiDAR too (`SeesPoints`).
        caveat: what its scores must not be mistaken for.
        extra: the extra of auxdrive that installs what it needs.
        package: the module that its sensors need. `auxdrive doctor` looks for it, and so do
            `collect` and `drive` before they begin.
        takes: what each simulator takes of the machine on which it is placed, beside a CPU, such as
            a server: amounts by the names that the machines of a cluster have for them.

    Examples:
        >>> from auxdrive_eval import SIMULATORS
        >>> SIMULATORS["embedded"].title
        "auxdrive's embedded simulator"
        >>> [modality.value for modality in SIMULATORS["embedded"].sensors][:2]
        ['rgb', 'depth']
    """

    title: str
    options_type: type[Options]
    make: Callable[[Options, bool], Simulator]
    sensors: tuple[Modality, ...]
    lidar_points: bool = False
    recorded: tuple[Modality, ...] = ()
    caveat: str = "no CARLA scores"
    extra: str = ""
    package: str = ""
    takes: Mapping[str, float] = field(default_factory=dict)
