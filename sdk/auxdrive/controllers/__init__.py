"""Controllers: they turn a model's predictions into actuator commands. They are chosen by name
(`make_controller`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from auxdrive.registry import Registry, subclass_of

# The help of commands needs the names alone: what takes time to import is imported in functions.
if TYPE_CHECKING:
    from auxdrive.cards import VehicleSpec
    from auxdrive.controllers.base import Controller, GuardedController
    from auxdrive.controllers.options import ControllerOptions, Options
    from auxdrive.steering import SteeringSpec

CONTROLLERS: Registry[type[GuardedController]] = Registry(
    "controller",
    "auxdrive.controllers",
    {
        "path_speed": "auxdrive.controllers.path_speed:PathSpeedController",
        "pid": "auxdrive.controllers.transfuser:TransFuserPID",
        "pure_pursuit": "auxdrive.controllers.pure_pursuit:PurePursuit",
        "steering": "auxdrive.controllers.constant_speed:SteeringController",
    },
    check=subclass_of("auxdrive.controllers.base:GuardedController"),
)


def make_controller(
    name: str,
    steering: SteeringSpec,
    vehicle: VehicleSpec,
    options: Mapping[str, object] | Options | None = None,
) -> Controller:
    """Make the controller of that name for a vehicle.

    Args:
        name: in `CONTROLLERS`.
        steering: the vehicle's steering limits, from the model's card.
        vehicle: the vehicle, from the model's card.
        options: values of the controller's own options. `preset` names a set of values for the
            options that are not given ("pid" has the presets "tf21" and "tf22").

    Raises:
        UsageError: no such controller or preset, or the vehicle's card lacks what it needs.
        ConfigError: wrong options; the message names all of them.

    Examples:
        >>> from auxdrive import Prediction, SteeringSpec, VehicleSpec, make_controller
        >>> options = {"target_speed_mps": 4.0, "max_age_s": 0.2}
        >>> controller = make_controller("steering", SteeringSpec(), VehicleSpec(), options)
        >>> prediction = Prediction(time_s=10.0, latency_ms=5.0, steer_rad=0.1)
        >>> controller.step(prediction, speed_mps=4.0, now_s=10.1).steer_rad
        0.1
    """
    from auxdrive.cards import VehicleSpec
    from auxdrive.checks.numbers import shown
    from auxdrive.errors import UsageError
    from auxdrive.steering import SteeringSpec

    controller = CONTROLLERS[name]
    if not isinstance(steering, SteeringSpec) or not isinstance(vehicle, VehicleSpec):
        raise UsageError(
            f"a controller needs a SteeringSpec and a VehicleSpec, got {shown(steering)} and "
            f"{shown(vehicle)}"
        )
    return controller(steering, vehicle, _checked_options(name, controller, options))


def _checked_options(
    name: str,
    controller: type[GuardedController],
    options: Mapping[str, object] | Options | None,
) -> ControllerOptions:
    from auxdrive.checks.options import checked_options, given_options

    what = f"controller '{name}'"
    values = given_options(options, what)
    if "preset" in values:
        values = {**_preset(name, controller, str(values.pop("preset"))), **values}
    return checked_options(values, controller.options_type, what, whole=name)


def _preset(name: str, controller: type[GuardedController], preset: str) -> dict[str, object]:
    """The values of all options in one of a controller's presets.

    Args:
        name: of the controller.
        controller: its class.
        preset: the preset's name.

    Raises:
        UsageError: the controller has no such preset.
    """
    from auxdrive.errors import UsageError, unknown_name

    if preset in controller.presets:
        return controller.presets[preset].model_dump()
    known = (
        unknown_name("preset", preset, controller.presets)
        if controller.presets
        else f"'{name}' has no presets"
    )
    raise UsageError(f"controller '{name}': {known}")
