"""The options that give a model's ego inputs on the command line: one for each row of
`auxdrive.ego.EGO_INPUTS`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import typer

from auxdrive.ego import EGO_INPUTS, EgoInput, EgoLayout
from auxdrive.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def with_ego_options(command: Command) -> Command:
    """The command, to be registered with an option for each ego input in the place of its `**ego`.

    A single number is a number; several are one text, divided by commas.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    options = [
        inspect.Parameter(
            each.option,
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
    """What was given, by the name of the input and as an `Observation` holds it.

    Args:
        given: by option; None where it was not given.

    Raises:
        UsageError: a text is not the numbers of its input.
    """
    return {
        each.name: _value(each, value)
        for each in EGO_INPUTS.values()
        if (value := given.get(each.option)) is not None
    }


def check_given(layout: EgoLayout, given: Mapping[str, Any]) -> None:
    """Refuse to run a model without an input that it takes, or with one that it does not take.

    Args:
        layout: the model's.
        given: by the name of the input.

    Raises:
        UsageError: see above; the message names the option.
    """
    for name, each in EGO_INPUTS.items():
        if name in layout.names and name not in given:
            option = f"--{each.option} {_metavar(each)}".rstrip()
            raise UsageError(f"this model needs {name} beside the image: give {option}")
        if name in given and name not in layout.names:
            raise UsageError(f"this model does not take {name}: leave --{each.option} out")


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
