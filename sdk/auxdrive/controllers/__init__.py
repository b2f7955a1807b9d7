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
    from auxdrive.controllers.options import Options
    from auxdrive.steering import SteeringSpec

CONTROLLERS: Registry[type[GuardedController]] = Registry(
    "controller",
    "auxdrive.controllers",
    {
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
    from pydantic import ValidationError

    from auxdrive.cards import VehicleSpec
    from auxdrive.checks.numbers import shown
    from auxdrive.controllers.options import Options
    from auxdrive.errors import ConfigError, UsageError, unknown_name
    from auxdrive.steering import SteeringSpec
    from auxdrive.strict import mistakes_of

    controller = CONTROLLERS[name]
    if not isinstance(steering, SteeringSpec) or not isinstance(vehicle, VehicleSpec):
        raise UsageError(
            f"a controller needs a SteeringSpec and a VehicleSpec, got {shown(steering)} and "
            f"{shown(vehicle)}"
        )
    if not isinstance(options, Mapping | Options | None):
        raise ConfigError(
            f"controller '{name}': the options are {shown(options)}; give them by name"
        )
    values = dict(options or {})
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
        checked = controller.options_type.model_validate(values)
    except ValidationError as error:
        mistakes = "; ".join(mistakes_of(error, controller.options_type, whole=name))
        raise ConfigError(f"controller '{name}': {mistakes}") from None
    return controller(steering, vehicle, checked)
