"""Controllers: predictions to actuator commands, by name.

controller = make_controller("pid", card.steering, card.vehicle, {"preset": "tf21"})
control = controller.step(prediction, speed_mps=4.0, now_s=time.monotonic())
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from auxdrive.cards import Task, VehicleSpec
from auxdrive.checks.numbers import shown
from auxdrive.controllers.base import Controller, ControllerConfig, GuardedController, Settings
from auxdrive.controllers.constant_speed import SteeringConfig, SteeringController
from auxdrive.controllers.pid import PidGains, SpeedConfig
from auxdrive.controllers.pure_pursuit import PurePursuit, PurePursuitConfig
from auxdrive.controllers.transfuser import TransFuserConfig, TransFuserPID
from auxdrive.errors import ConfigError, UsageError, unknown_name
from auxdrive.steering import SteeringSpec
from auxdrive.strict import mistakes_of

CONTROLLERS: dict[str, type[TransFuserPID] | type[PurePursuit] | type[SteeringController]] = {
    "pid": TransFuserPID,
    "pure_pursuit": PurePursuit,
    "steering": SteeringController,
}
DEFAULT_CONTROLLER: dict[Task, str] = {"waypoints": "pid", "steering": "steering"}

__all__ = [
    "CONTROLLERS", "DEFAULT_CONTROLLER", "Controller", "ControllerConfig", "GuardedController",
    "PidGains", "PurePursuit", "PurePursuitConfig", "SpeedConfig", "SteeringConfig",
    "SteeringController", "TransFuserConfig", "TransFuserPID", "make_controller",
]  # fmt: skip


def make_controller(
    name: str,
    steering: SteeringSpec,
    vehicle: VehicleSpec,
    config: Mapping[str, object] | Settings | None = None,
) -> Controller:
    """The controller of that name for a vehicle.

    Args:
        config: values of the controller's configuration class, and `preset` where it has presets
            ("pid": "tf21", "tf22"), which gives the values that are not named.

    Raises:
        UsageError: no such controller or preset, or the vehicle's card lacks what it needs.
        ConfigError: wrong values, all of them named.
    """
    if not isinstance(name, str) or name not in CONTROLLERS:
        raise UsageError(unknown_name("controller", str(name), CONTROLLERS))
    if not isinstance(steering, SteeringSpec) or not isinstance(vehicle, VehicleSpec):
        raise UsageError(
            f"a controller needs a SteeringSpec and a VehicleSpec, got {shown(steering)} and "
            f"{shown(vehicle)}"
        )
    if not isinstance(config, Mapping | Settings | None):
        raise ConfigError(
            f"controller '{name}': the settings are {shown(config)}; give them by name"
        )
    controller = CONTROLLERS[name]
    values = dict(config or {})
    if "preset" in values:
        preset = str(values.pop("preset"))
        if preset not in controller.presets:
            known = (
                unknown_name("preset", preset, controller.presets)
                if controller.presets
                else f"'{name}' has no presets"
            )
            raise UsageError(f"controller '{name}': {known}")
        values = {**controller.presets[preset].model_dump(), **values}
    try:
        checked = controller.config_type.model_validate(values)
    except ValidationError as error:
        mistakes = "; ".join(mistakes_of(error, controller.config_type, whole=name))
        raise ConfigError(f"controller '{name}': {mistakes}") from None
    return controller(steering, vehicle, checked)  # type: ignore[arg-type]  # each class gets the configuration of its own type
