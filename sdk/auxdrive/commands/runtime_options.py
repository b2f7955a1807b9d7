"""Arguments and options of the commands that take a bundle and run its graph."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auxdrive.commands.completing import one_of
from auxdrive.commands.named_values import values_of
from auxdrive.errors import ConfigError, UsageError
from auxdrive.precisions import PRECISIONS
from auxdrive.runtimes import AUTO, DEFAULT_RUNTIME, RUNTIMES, checked_options

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

BUNDLE_ARGUMENT = typer.Argument(
    help="The bundle: a directory that `auxdrive export` wrote.", show_default=False
)
BundleArgument = Annotated[Path, BUNDLE_ARGUMENT]
ResizeOption = Annotated[
    bool,
    typer.Option(
        "--resize", help="Scale images of another size to the model's camera, squashed if need be."
    ),
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        help=f"What runs the graph: {', '.join(RUNTIMES)}.", autocompletion=one_of(RUNTIMES)
    ),
]
ChosenRuntimeOption = Annotated[
    str,
    typer.Option(
        help=f"What runs the graph: {', '.join(RUNTIMES)}, or {AUTO} for the fastest of this "
        "machine (`auxdrive doctor --bundle` shows their times).",
        autocompletion=one_of((AUTO, *RUNTIMES)),
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        help="Where it runs, as `auxdrive doctor` lists it (default: the runtime's first device).",
        show_default=False,
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        help=f"Which of the bundle's graphs runs: {', '.join(PRECISIONS)} (those that it holds).",
        autocompletion=one_of(PRECISIONS),
    ),
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PUB.pem",
        help="The public key whose signature the bundle must have.",
        show_default=False,
    ),
]
OnePrecisionOption = Annotated[
    str | None,
    typer.Option(
        help="Check the predictions of this precision alone (default: of all in the bundle).",
        show_default=False,
        autocompletion=one_of(PRECISIONS),
    ),
]


def parsed_runtime_options(runtime: str, given: Sequence[str] | None) -> dict[str, object]:
    """The options of a runtime that were typed, by name, checked by the runtime's own type.

    Args:
        runtime: a name in `RUNTIMES`, or "auto", which has no options.
        given: what was typed each time after --runtime-option; None where it was not given.

    Raises:
        UsageError: there is no such runtime; a text is no NAME=VALUE; the runtime has no such
            option (the message names the nearest); or a value is not possible.
    """
    if runtime == AUTO:
        if given:
            raise UsageError(f"--runtime-option: name the --runtime that it is for, not '{AUTO}'")
        return {}
    spec = RUNTIMES[runtime]
    values = values_of("--runtime-option", given, "spinning=false")
    try:
        checked_options(spec, values)
    except ConfigError as error:
        raise UsageError(f"--runtime-option: {error}") from None
    return values


def told_options() -> str:
    """Every option of every runtime that can be loaded, with its default: "onnxruntime:
    spinning=true".
    """
    told = []
    for runtime in RUNTIMES:
        try:
            fields = RUNTIMES[runtime].options_type.model_fields
        except UsageError:  # `auxdrive doctor` says why
            continue
        options = [f"{name}={default_of(field)}" for name, field in fields.items()]
        told += [f"{runtime}: {', '.join(options)}"] if options else []
    return "; ".join(told)


def default_of(field: FieldInfo) -> str:
    """The default of an option, as it is typed after NAME=; "..." where it must be given."""
    if field.is_required():
        return "..."
    value = field.get_default(call_default_factory=True)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _option_names(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of an option of the runtime that was chosen."""
    try:
        spec = RUNTIMES[context.params.get("runtime") or DEFAULT_RUNTIME]
    except UsageError:
        return []
    names = [f"{name}=" for name in spec.options_type.model_fields]
    return [name for name in names if name.startswith(incomplete)]


RuntimeOptionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--runtime-option",
        metavar="NAME=VALUE",
        help="An option of a bundle's runtime; may be repeated. Options and defaults:",
        show_default=False,
        autocompletion=_option_names,
    ),
]
