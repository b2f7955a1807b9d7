"""The embedded simulator: a town that is generated or read from a map, traffic, one ego, and
sensors that are drawn by a software renderer. It needs no GPU, no display and no CARLA.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping, Sequence

from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.data.plan import ExpertPlan
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Control, Float32

from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import DEFAULT_CAMERA, TICK_S
from auxdrive_eval.simulators.embedded.driven_route import DrivenRoute, require_planned
from auxdrive_eval.simulators.embedded.ego.reasons import Reason, Why
from auxdrive_eval.simulators.embedded.ego.vehicle import VehicleParameters
from auxdrive_eval.simulators.embedded.scenarios import OTHER_NAMES, SCENARIOS
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.sensors import Sensors
from auxdrive_eval.simulators.embedded.spec import DEFAULT_TRAFFIC, TICKS_S, ExpertKind
from auxdrive_eval.simulators.embedded.town.generate import GeneratedTowns
from auxdrive_eval.simulators.embedded.town_kits import TownSource
from auxdrive_eval.simulators.embedded.town_routes import TownRoutes
from auxdrive_eval.simulators.embedded.version import VERSION
from auxdrive_eval.world import HeldBy, RoadUser, WorldState

_log = logging.getLogger(__name__)


class EmbeddedSimulator(TownRoutes):
    """An implementation of `auxdrive_eval.simulators.base.Simulator` in Python and NumPy, with
    Panda3D for the sensors.

    Args:
        camera: the camera of the image modalities.
        render: False for a world without sensors, which needs no renderer.
        traffic: number of moving cars.
        tick_s: seconds from one tick to the next, within `TICKS_S`.
        scenarios: kinds of traffic situations (`SCENARIOS`), of which one each is drawn on every
            route that has room for it, besides those that a route names.
        towns: where its towns come from; None is those that are generated.
        expert: what its expert knows: the whole world, or what the camera sees. In the second case
            other cars see the ego enter junctions, instead of being asked.

    Raises:
        SimulatorError: the number of cars or the length of a tick is not possible.
    """

    version = VERSION
    scenario_names = frozenset({*SCENARIOS, *OTHER_NAMES})

    def __init__(
        self,
        camera: CameraSpec = DEFAULT_CAMERA,
        render: bool = True,
        traffic: int = DEFAULT_TRAFFIC,
        tick_s: float = TICK_S,
        scenarios: Sequence[str] = (),
        towns: TownSource | None = None,
        expert: ExpertKind = ExpertKind.ALL_KNOWING,
    ) -> None:
        if traffic < 0:
            raise SimulatorError(f"traffic is a number of cars, got {traffic}")
        if not TICKS_S[0] <= tick_s <= TICKS_S[1]:
            raise SimulatorError(f"a tick takes from {TICKS_S[0]} to {TICKS_S[1]} s, got {tick_s}")
        super().__init__(GeneratedTowns() if towns is None else towns)
        self.tick_s = tick_s
        self.camera = camera
        self._parameters = VehicleParameters()
        self.vehicle = VehicleSpec(
            name="embedded single-track",
            wheelbase_m=self._parameters.wheelbase_m,
            max_steer_rate_radps=self._parameters.max_steer_rate_radps,
        )
        self.steering = SteeringSpec(
            kind="road_wheel_rad", max_road_wheel_deg=math.degrees(self._parameters.max_steer_rad)
        )
        self._sensors = Sensors(camera, render)
        self._traffic_count = traffic
        self._scenarios = tuple(scenarios)
        self._expert = expert
        self._driven: DrivenRoute | None = None
        self._told_full: set[str] = set()

    # The protocol

    def reset(self, route: Route, seed: int) -> WorldState:
        """Put the ego at rest with its centre at the start of the route, as CARLA does.

        If a town has no room for all the cars that were asked for, this is logged, once per town.

        Args:
            route: from `plan` or `random_route`.
            seed: decides traffic and lights.

        Returns:
            The world before the first tick.

        Raises:
            SimulatorError: there is no such town, or the route was not planned on its
                lanes (`plan`).
        """
        kit = self._kits.of(route.town)
        require_planned(route, kit)
        driven = DrivenRoute(
            kit,
            route,
            self._parameters,
            seed,
            self._traffic_count,
            self.tick_s,
            self._scenarios,
            self._expert,
            self.camera,
        )
        self._say_if_full(route.town, len(driven.traffic.cars))
        self._driven = driven
        self._sensors.load(kit.graph.town, route.weather)
        return driven.state()

    def step(self, control: Control) -> WorldState:
        """Advance by one tick. The steering is clipped to the maximum steering angle, the pedals to
        0..1.

        Raises:
            SimulatorError: no route was set, or the control is not finite.
        """
        driven = self._driving()
        driven.step(control)
        self._sensors.forget()
        return driven.state()

    def sense(self, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
        """What the sensors see now, in the stored formats. Each frame is made at most once per
        tick.

        Raises:
            SimulatorError: no route was set, the simulator was made without a renderer, or it has
                no such sensor.
        """
        return self._sensors.frames(modalities, self.scene())

    def expert(self) -> Control:
        """The control that the expert would choose now.

        Raises:
            SimulatorError: no route was set.
        """
        return self._driving().expert()

    def expert_ahead(self, ticks: Sequence[int]) -> tuple[WorldState, ...]:
        """The world after some ticks, if the expert drove from now on. See
        `auxdrive_eval.simulators.capabilities.Foreseeing`.

        Args:
            ticks: after how many, ascending, each 1 or more.

        Raises:
            SimulatorError: no route was set.
        """
        branch, at, states = self._driving().branch(), 0, []
        for tick in ticks:
            while at < tick:
                branch.step(branch.expert())
                at += 1
            states.append(branch.state())
        return tuple(states)

    def expert_plan(self) -> ExpertPlan:
        """Where the expert means to drive, and how fast. See
        `auxdrive_eval.simulators.capabilities.Planning`.

        Raises:
            SimulatorError: no route was set.
        """
        return self._driving().expert_plan()

    def road_users(self) -> tuple[RoadUser, ...]:
        """Who else is on the road. See `auxdrive_eval.simulators.capabilities.Surveying`.

        Raises:
            SimulatorError: no route was set.
        """
        return self._driving().road_users()

    def close(self) -> None:
        """Release the renderer."""
        self._sensors.close()
        self._driven = None

    # Beyond the protocol

    @property
    def progress_m(self) -> float:
        """How far the ego has come along its route."""
        return self._driving().progress_m

    def expert_held_by(self) -> HeldBy | None:
        """What holds the expert most now. See `auxdrive_eval.simulators.capabilities.Explaining`.

        Raises:
            SimulatorError: no route was set, or the camera has no field of view.
        """
        found = [each for each in self.expert_reasons() if each[0].why is not Why.ROAD]
        if not found:
            return None
        reason, in_view = min(found, key=lambda each: each[0].accel_mps2)
        return HeldBy(reason.why.value.replace("_", " "), in_view)

    def expert_reasons(self) -> list[tuple[Reason, bool]]:
        """Why the expert would drive no faster now, and whether each reason lies in the view of the
        camera. Empty where the ego has left its route.

        Raises:
            SimulatorError: no route was set, or the camera has no field of view.
        """
        return self._driving().reasons()

    def scene(self) -> Scene:
        """The scene that the renderer is given now."""
        return self._driving().scene()

    def lidar_points(self) -> Float32:
        """The points that the LiDAR sees now, computed once per tick. The LiDAR histogram of
        `sense` counts them.

        Returns:
            float32 (N, 4), read-only: x, y, z in metres, and intensity 0..1. The frame is the
            ego's, not the sensor's: x forward, y left, z up from the ground under the rear axle.
            Beams that hit nothing within range are left out.

        Raises:
            SimulatorError: no route was set, or the simulator was made without a renderer.
        """
        return self._sensors.lidar_points(self.scene())

    def _driving(self) -> DrivenRoute:
        if self._driven is None:
            raise SimulatorError("no route is being driven: call reset(route, seed) first")
        return self._driven

    def _say_if_full(self, town: str, cars: int) -> None:
        if cars < self._traffic_count and town not in self._told_full:
            self._told_full.add(town)
            _log.warning(
                "%s has room for %d moving cars of the %d that were asked for",
                town,
                cars,
                self._traffic_count,
            )
