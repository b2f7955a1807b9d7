"""What some simulators can do beside what each must (`auxdrive_eval.simulators.base`), a protocol
each. Who needs one asks with `isinstance`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from auxdrive.data.plan import ExpertPlan
from auxdrive.types import Float32

from auxdrive_eval.route import Route
from auxdrive_eval.world import HeldBy, RoadUser, WorldState

if TYPE_CHECKING:
    from auxdrive_eval.routes.spec import RouteSpec


@runtime_checkable
class SeesPoints(Protocol):
    """A simulator whose LiDAR has points; its row says so too (`SimulatorSpec.lidar_points`)."""

    def lidar_points(self) -> Float32:
        """The points that the LiDAR sees now, those that the histogram of `sense` counts.

        Returns:
            float32 (N, 4): x, y, z in the ego frame, metres, and the intensity, 0 to 1. Beams
            without a return are left out.

        Raises:
            SimulatorError: no route was set, or there is no such sensor.
        """


@runtime_checkable
class SetsUpScenarios(Protocol):
    """A simulator that sets up the traffic situations that a route's file names.

    Attributes:
        scenario_names: the names in files that it knows.
    """

    scenario_names: frozenset[str]


@runtime_checkable
class PlansSpecifications(Protocol):
    """A simulator that has bridges, and shows all of a route's weather and how it changes."""

    def plan_specification(self, spec: RouteSpec) -> Route:
        """Plan a route as its file describes it, less its scenarios.

        Args:
            spec: the route.

        Raises:
            SimulatorError: there is no such town, or no route that fits.
        """


@runtime_checkable
class Foreseeing(Protocol):
    """A simulator that can tell what would happen. Recordings of a student's drive need it for
    labels that lie ahead, such as waypoints: where the expert would have been.

    Examples:
        >>> from auxdrive_eval import SimulatorSettings, make_simulator
        >>> from auxdrive_eval.simulators.capabilities import Foreseeing
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> isinstance(simulator, Foreseeing)
        True
    """

    def expert_ahead(self, ticks: Sequence[int]) -> tuple[WorldState, ...]:
        """The world after some ticks, if the expert drove from now on. Nothing of the world itself
        changes by it.

        Args:
            ticks: after how many, ascending, each 1 or more.

        Raises:
            SimulatorError: no route was set.
        """


@runtime_checkable
class Planning(Protocol):
    """A simulator whose expert says what it means to do. Recordings hold it as `plan.npy`, which
    the task `path_speed` learns.

    Examples:
        >>> from auxdrive_eval import SimulatorSettings, make_simulator
        >>> from auxdrive_eval.simulators.capabilities import Planning
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> isinstance(simulator, Planning)
        True
    """

    def expert_plan(self) -> ExpertPlan:
        """Where the expert means to drive from here and how fast, whoever drives. Nothing of the
        world changes by it. Call it after `expert` at the same tick, since the expert may keep in
        mind what it has seen.

        Raises:
            SimulatorError: no route was set.
        """


@runtime_checkable
class Surveying(Protocol):
    """A simulator that tells who else is on the road. `auxdrive diagnose` asks it what was in view.

    Examples:
        >>> from auxdrive_eval import SimulatorSettings, make_simulator
        >>> from auxdrive_eval.simulators.capabilities import Surveying
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> isinstance(simulator, Surveying)
        True
    """

    def road_users(self) -> tuple[RoadUser, ...]:
        """Everybody but the ego, those who are parked too.

        Raises:
            SimulatorError: no route was set.
        """


@runtime_checkable
class Explaining(Protocol):
    """A simulator that tells why its expert drives no faster. `auxdrive diagnose` asks it whether a
    model could have seen that.

    Examples:
        >>> from auxdrive_eval import SimulatorSettings, make_simulator
        >>> from auxdrive_eval.simulators.capabilities import Explaining
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> isinstance(simulator, Explaining)
        True
    """

    def expert_held_by(self) -> HeldBy | None:
        """What holds the expert most now; None where nothing but the road does.

        Raises:
            SimulatorError: no route was set.
        """
