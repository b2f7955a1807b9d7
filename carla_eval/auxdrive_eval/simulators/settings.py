"""The settings from which a simulator can be made in any process: its name and its options."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Self

from auxdrive.cards import CameraSpec
from auxdrive.errors import UsageError
from auxdrive.extras import require_modules
from auxdrive.mistakes import mistakes_of
from auxdrive.strict import Strict
from pydantic import Field, SerializeAsAny, ValidationError, ValidationInfo, field_validator

from auxdrive_eval.simulators import DEFAULT_SIMULATOR, SIMULATORS
from auxdrive_eval.simulators.base import Simulator, SimulatorOptions, SimulatorSpec

_ABSENT = object()


class SimulatorSettings(Strict):
    """Everything that is needed to make the same simulator again, also in another process.

    Attributes:
        kind: its name in the table `SIMULATORS`.
        options: an instance of `SIMULATORS[kind].options_type`; a mapping is converted to one.

    Examples:
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
        """The name, and the options that differ from the defaults: `embedded (traffic 5)`."""
        defaults = dict(_leaves(self.spec.options_type().model_dump()))
        own = [
            f"{name} {value}"
            for name, value in _leaves(self.options.model_dump())
            if value != defaults.get(name, _ABSENT)
        ]
        return f"{self.kind} ({', '.join(own)})" if own else self.kind

    @property
    def spec(self) -> SimulatorSpec[Any]:
        """Its row in the table of simulators."""
        return SIMULATORS[self.kind]

    def with_camera(self, camera: CameraSpec) -> Self:
        """The same settings with another camera."""
        return self.model_copy(
            update={"options": self.options.model_copy(update={"camera": camera})}
        )


def _leaves(values: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that is not a mapping, with its path: `camera.width`."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", value


def simulator_settings(kind: str, options: Mapping[str, object]) -> SimulatorSettings:
    """Settings from what a user typed.

    Args:
        kind: name in the table of simulators.
        options: values by the names of that simulator's options; what is left out has its default.

    Raises:
        UsageError: there is no such simulator or option, or a value is not possible; the message
            names every mistake.
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
    """Make the simulator of these settings. Close it after use.

    Args:
        settings: they may come from another process.
        sensors: False for a simulator that senses nothing and needs no renderer.

    Raises:
        SimulatorError: it cannot be started.

    Examples:
        >>> from auxdrive_eval import SimulatorSettings, make_simulator
        >>> settings = SimulatorSettings(options={"traffic": 5})
        >>> simulator = make_simulator(settings, sensors=False)
        >>> simulator.tick_s
        0.05
        >>> simulator.close()
    """
    return settings.spec.make(settings.options, sensors)
