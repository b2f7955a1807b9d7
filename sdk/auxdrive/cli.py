"""The `auxdrive` command. Sub-commands are found through the entry points of the group `auxdrive.commands`.

A sub-command is a function with typer annotations in a module that is cheap to import: what needs torch or a renderer is
imported inside the function. Only the module of the command that runs is imported, so the vehicle's install has its own
commands whatever the others need, and third parties can add theirs.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import auxdrive.console as console
from auxdrive import __version__
from auxdrive.errors import AuxdriveError, MissingExtra, UsageError, unknown_name

# Which extra brings the modules that a command may find missing.
EXTRA_OF_MODULE = {
    "torch": "train", "lightning_fabric": "train", "safetensors": "train", "tensorboard": "train", "yaml": "train",
    "onnx": "deploy", "onnxscript": "deploy", "panda3d": "sim", "direct": "sim", "scipy": "sim", "matplotlib": "all",
}  # fmt: skip
# The extra that makes a command work as a whole, and which extras hold others (pyproject.toml; a test compares them).
EXTRA_OF_COMMAND = {
    "train": "train", "select": "train", "ingest": "train", "export": "deploy", "collect": "sim", "drive": "sim", "demo": "all",
}  # fmt: skip
WITHIN_EXTRA = {"deploy": ("train",), "all": ("train", "deploy", "sim")}
_HELP_NAMES = {"help_option_names": ["-h", "--help"]}


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group="auxdrive.commands"), key=lambda point: point.name)}


class _LazyGroup(TyperGroup):
    """Knows every command by name and imports one when it is asked for (the help asks for all)."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(_points())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        points = _points()
        if cmd_name not in points:
            if cmd_name.startswith("-"):
                return None
            raise UsageError(unknown_name("command", cmd_name, points))
        return typer.main.get_command(_app_of(points[cmd_name]))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            missing = _missing(ctx.invoked_subcommand or "", error)
            if missing is None:
                raise
            raise missing from error


def _app_of(point: EntryPoint) -> typer.Typer:
    """The command as an application of its own. One whose module lacks something is shown as such and fails only when it runs."""
    try:
        loaded = point.load()
    except ModuleNotFoundError as error:
        loaded = _unavailable(point.name, error)
    if isinstance(loaded, typer.Typer):
        return loaded
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings=_HELP_NAMES)
    app.command(name=point.name)(loaded)
    return app


def _unavailable(name: str, error: ModuleNotFoundError) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    reason = _missing(name, error) or UsageError(f"`auxdrive {name}` cannot be loaded: {error}")

    @app.command(name=name, help=f"Not available: {reason}", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def unavailable() -> None:
        raise reason

    return app


def _missing(command: str, error: ModuleNotFoundError) -> MissingExtra | None:
    """The command's own extra where that brings the module; else the module's, and the command's too if that is not complete."""
    needed = EXTRA_OF_MODULE.get((error.name or "").split(".")[0])
    if needed is None:
        return None
    own = EXTRA_OF_COMMAND.get(command, needed)
    if needed == own or needed in WITHIN_EXTRA.get(own, ()):
        return MissingExtra(f"`auxdrive {command}`", own)
    from auxdrive.machine import extras

    lacking = [own] if any(extra.name == own and not extra.complete for extra in extras()) else []
    return MissingExtra(f"`auxdrive {command}`", *lacking, needed)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"auxdrive {__version__}\n")
        raise typer.Exit


def build_app() -> typer.Typer:
    """The typer application with every command of every installed package."""
    app = typer.Typer(
        name="auxdrive",
        cls=_LazyGroup,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=_HELP_NAMES,
    )

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
        ] = False,
    ) -> None:
        """Camera-only driving students trained with other sensors: train, export, run, measure."""

    return app


def main() -> None:
    """Run the command line: exit code 0 on success, 1 on a failed check, 2 on a mistake of the user."""
    try:
        build_app()()
    except AuxdriveError as error:
        console.stderr.print(console.printable(f"error: {error}"), style="red", markup=False, highlight=False)
        sys.exit(error.exit_code)
