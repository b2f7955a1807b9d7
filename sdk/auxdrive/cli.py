"""The `auxdrive` command. Sub-commands are found through the entry points of the group `auxdrive.commands`.

A sub-command is a function with typer annotations in a module that is cheap to import: what needs torch or a renderer is
imported inside the function. The vehicle's install therefore has its own four commands, and third parties can add theirs.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points

import typer

import auxdrive.console as console
from auxdrive.errors import AuxdriveError, MissingExtra

# Which extra brings the modules that a command may find missing.
EXTRA_OF_MODULE = {
    "torch": "train", "lightning_fabric": "train", "safetensors": "train", "tensorboard": "train", "yaml": "train",
    "onnx": "deploy", "onnxscript": "deploy", "panda3d": "sim", "direct": "sim", "scipy": "sim", "matplotlib": "all",
}  # fmt: skip


def build_app() -> typer.Typer:
    """The typer application with every command of every installed package."""
    app = typer.Typer(
        name="auxdrive",
        help="Camera-only driving students trained with other sensors: train, export, run, measure.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )

    @app.callback()
    def root() -> None:  # typer needs a callback to keep a single command a sub-command
        """Camera-only driving students trained with other sensors: train, export, run, measure."""

    for point in sorted(entry_points(group="auxdrive.commands"), key=lambda point: point.name):
        _add(app, point)
    return app


def _add(app: typer.Typer, point: EntryPoint) -> None:
    loaded = point.load()
    if isinstance(loaded, typer.Typer):
        app.add_typer(loaded, name=point.name)
    else:
        app.command(name=point.name)(loaded)


def main() -> None:
    """Run the command line: exit code 0 on success, 1 on a failed check, 2 on a mistake of the user."""
    try:
        build_app()()
    except AuxdriveError as error:
        _fail(error)
    except ModuleNotFoundError as error:
        extra = EXTRA_OF_MODULE.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        _fail(MissingExtra("this command", extra))


def _fail(error: AuxdriveError) -> None:
    console.stderr.print(f"error: {error}", style="red", markup=False, highlight=False)
    sys.exit(error.exit_code)
