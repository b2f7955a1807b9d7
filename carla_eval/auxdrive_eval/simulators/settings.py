"""The settings that make a simulator in any process: its name, and its own options."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Self

from auxdrive.cards import CameraSpec
from auxdrive.errors import UsageError
from auxdrive.extras import require_modules
from auxdrive.strict import Strict, mistakes_of
from pydantic import Field, SerializeAsAny, ValidationError, ValidationInfo, field_validator

from auxdrive_eval.simulators import DEFAULT_SIMULATOR, SIMULATORS
from auxdrive_eval.simulators.base import Simulator, SimulatorOptions, SimulatorSpec

_ABSENT = object()


class SimulatorSettings(Strict):
    """What makes a simulator, in any process and on any day.

    Attributes:
        kind: its name in the table `SIMULATORS`.
        options: of its own type, `SIMULATORS[kind].options_type`; a mapping becomes one.

    Example:
        >>> from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
        >>> settings = SimulatorSettings(kind="embedded", options={"traffic": 5})
        >>> simulator = make_simulator(settings, sensors=False)
        >>> simulator.random_route(1000).town
        'EmbeddedTown1000'
    """

    kind: str = DEFAULT_SIMULATOR
    options: SerializeAsAny[SimulatorOptions] = Field(default={}, validate_default=True)

    @field_validator("kind")
    @classmethod
    def _is_in_the_table(cls, kind: str) -> str:
        if kind not in SIMULATORS:
            raise ValueError(SIMULATORS.unknown(kind))
        return kind

    @field_validator("options", mode="plain")
    @classmethod
    def _are_its_own(cls, given: Any, info: ValidationInfo) -> SimulatorOptions:
        if "kind" not in info.data:
            raise ValueError("they belong to a simulator, which is not known")
        options_type: type[SimulatorOptions] = SIMULATORS[info.data["kind"]].options_type
        if info.mode == "json":
            return options_type.model_validate_json(json.dumps(given), strict=True)
        return options_type.model_validate(given)

    def __str__(self) -> str:
        """The name, and what differs from the simulator's own defaults: `embedded (traffic 5)`."""
        defaults = dict(_leaves(self.spec.options_type().model_dump()))
        own = [
            f"{name} {value}"
            for name, value in _leaves(self.options.model_dump())
            if value != defaults.get(name, _ABSENT)
        ]
        return f"{self.kind} ({', '.join(own)})" if own else self.kind

    @property
    def spec(self) -> SimulatorSpec[Any]:
        """The row of the table that it is made by."""
        return SIMULATORS[self.kind]

    def with_camera(self, camera: CameraSpec) -> Self:
        """The same, seen through another camera."""
        return self.model_copy(
            update={"options": self.options.model_copy(update={"camera": camera})}
        )


def _leaves(values: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that is no mapping, with the way to it: `camera.width`."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", value


def simulator_settings(kind: str, options: Mapping[str, object]) -> SimulatorSettings:
    """Settings from what a user typed.

    Raises:
        UsageError: no such simulator, it has no such option, or a value is not possible; every
            mistake is named.
    """
    options_type = SIMULATORS[kind].options_type
    try:
        return SimulatorSettings(kind=kind, options=options_type.model_validate(dict(options)))
    except ValidationError as error:
        lines = "; ".join(mistakes_of(error, options_type))
        raise UsageError(f"options of the simulator '{kind}': {lines}") from None


def require_simulator(settings: SimulatorSettings) -> None:
    """Refuse a simulator that could not sense, before anything is written for it.

    Raises:
        ModuleNotFoundError: the package that it needs is not installed, and an extra brings it.
        UsageError: the same, and none does.
    """
    spec = settings.spec
    try:
        require_modules(*filter(None, [spec.package]))
    except ModuleNotFoundError as error:
        if spec.extra:
            raise
        raise UsageError(
            f"the simulator '{settings.kind}' needs the package '{spec.package}', which is not "
            "installed"
        ) from error


def make_simulator(settings: SimulatorSettings, *, sensors: bool = True) -> Simulator:
    """The simulator of these settings; close it when it is done with.

    Args:
        settings: from anywhere, another process too.
        sensors: False for one that senses nothing, which needs no renderer.

    Raises:
        SimulatorError: it cannot be started.
    """
    return settings.spec.make(settings.options, sensors)
