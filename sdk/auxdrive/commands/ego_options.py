"""The options of commands for a model's ego inputs: one for each of `auxdrive.ego.EGO_INPUTS`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import typer

from auxdrive.ego import EGO_INPUTS, EgoInput
from auxdrive.ego_layout import EgoLayout
from auxdrive.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def with_ego_options(command: Command) -> Command:
    """Replace `**ego` in the signature of a command by an option for each ego input. An input of
    one number is an option of that type; one of several is a text in which commas separate them.

    Returns:
        The same command, to be registered.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    options = [
        inspect.Parameter(
            _parameter(each),
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                float | None if each.size == 1 else str | None,
                typer.Option(
                    metavar=_metavar(each) or None, help=each.option_help, show_default=False
                ),
            ],
        )
        for each in EGO_INPUTS.values()
    ]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return command


def parsed(given: Mapping[str, float | str | None]) -> dict[str, Any]:
    """The ego inputs that were given, by name, as an `Observation` holds them.

    Args:
        given: the values of the options, by parameter; None where one was not given.

    Raises:
        UsageError: a text does not hold the numbers of its input.
    """
    return {
        each.name: _value(each, value)
        for each in EGO_INPUTS.values()
        if (value := given.get(_parameter(each))) is not None
    }


def check_given(layout: EgoLayout, given: Mapping[str, Any]) -> None:
    """Refuse to run a model without an input that it takes, or with one that it does not take.

    Args:
        layout: the ego inputs of the model.
        given: those that were given, by name.

    Raises:
        UsageError: one is missing or too many; the message names its option.
    """
    for name, each in EGO_INPUTS.items():
        if name in layout.names and name not in given:
            option = f"--{each.option} {_metavar(each)}".rstrip()
            raise UsageError(f"this model needs {name} beside the image: give {option}")
        if name in given and name not in layout.names:
            raise UsageError(f"this model does not take {name}: leave --{each.option} out")


def _parameter(each: EgoInput) -> str:
    """The command's parameter for an option, which typer names in the same way."""
    return each.option.replace("-", "_")


def _metavar(each: EgoInput) -> str:
    return ",".join(each.axes).upper()


def _value(each: EgoInput, given: float | str) -> Any:
    if not isinstance(given, str):
        return given
    try:
        numbers = [float(part) for part in given.split(",")]
        if len(numbers) != each.size:
            raise ValueError
    except ValueError:
        example = ",".join(f"{value:g}" for value in each.example)
        raise UsageError(
            f"--{each.option} {given}: give {each.meaning}: {each.size} numbers, as in "
            f"--{each.option} {example}"
        ) from None
    return each.value(numbers)
