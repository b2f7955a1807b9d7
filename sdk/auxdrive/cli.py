"""The `auxdrive` command. Sub-commands come from the entry points of the group `auxdrive.commands`.

A sub-command is a function with typer annotations in a module that is cheap to import; torch or a
renderer is imported inside the function. Only the module of the command that runs is imported. So
the vehicle's install can run its own commands whatever the others need, and other packages can add
commands under new names without risk to the rest. Exit codes: 0 done, 1 a check failed, 2 a mistake
of the user, 3 an unforeseen error, 130 interrupted.
"""

from __future__ import annotations

import errno
import logging
import platform
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import auxdrive.console as console
from auxdrive import __version__
from auxdrive.commands.late_help import with_late_help
from auxdrive.commands.named_paths import with_named_paths
from auxdrive.console.standard_streams import OutputRefused, standard_streams, write_result
from auxdrive.errors import AuxdriveError, UsageError
from auxdrive.extras import what_lacks
from auxdrive.registry import Registry

_HELP_NAMES = {"help_option_names": ["-h", "--help"]}
UNFORESEEN, INTERRUPTED = 3, 130
_LOG = logging.getLogger(__name__)
# Errors of the system that only the user can cure: rights, room, names, disks.
_OF_THE_SYSTEM = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
    errno.ENAMETOOLONG, errno.EIO, errno.EMFILE,
}  # fmt: skip
# The base of click's errors. Newer releases of typer contain click, so no import works with all.
_ClickException: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)


class _LazyGroup(TyperGroup):
    """A group of commands that imports a command only when it is asked for. (The help asks for
    all.)
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS:
            return _command_of(cmd_name)
        if (
            cmd_name.startswith("-") or ctx.resilient_parsing
        ):  # a completion, of something that is no command
            return None
        raise UsageError(COMMANDS.unknown(cmd_name))

    def invoke(self, ctx: Any) -> None:
        try:
            super().invoke(ctx)
        except ImportError as error:
            missing = what_lacks(ctx.invoked_subcommand or "", error)
            if missing is None:
                raise
            raise missing from error


def _command_of(name: str) -> Any:
    """A command with the options that all commands share. One that cannot be loaded is listed with
    the reason, and fails only when it is run.
    """
    try:
        command = with_named_paths(_as_command(name, COMMANDS[name]))
        return with_late_help(_with_shared_options(command))
    except ImportError as error:
        reason = what_lacks(name, error) or UsageError(
            f"`auxdrive {name}` cannot be loaded: {error}"
        )
    except UsageError as error:
        absent = error.__cause__
        reason = (what_lacks(name, absent) if isinstance(absent, ImportError) else None) or error
    return typer.main.get_command(_unavailable(name, reason))


def _as_command(name: str, loaded: Any) -> Any:
    if isinstance(loaded, typer.Typer):
        return typer.main.get_command(loaded)
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, context_settings=_HELP_NAMES
    )
    app.command(name=name)(loaded)
    return typer.main.get_command(app)


def _with_shared_options(command: Any) -> Any:
    """The command with --quiet and --verbose, unless it has options of these names itself. Its help
    is broken anew for the terminal, where the source has its own line ends.
    """
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    own = {name for parameter in command.params for name in parameter.opts}
    command.params += [shared for shared in _shared_options() if not own & set(shared.opts)]
    return command


def _shared_options() -> list[Any]:
    app = typer.Typer(add_completion=False)

    @app.command()
    def shared(
        quiet: Annotated[
            bool,
            typer.Option(
                "--quiet", "-q",
                callback=_speak_less, expose_value=False,
                help="Say errors alone; results are printed all the same.",
            ),
        ] = False,
        verbose: Annotated[
            bool,
            typer.Option(
                "--verbose", "-v",
                callback=_speak_more, expose_value=False,
                help="Say what is done in detail, and where an error comes from.",
            ),
        ] = False,
    ) -> None:  # fmt: skip
        del quiet, verbose

    params: list[Any] = typer.main.get_command(app).params
    return params


def _speak_less(wanted: bool) -> None:
    if wanted:
        _speak(console.QUIET)


def _speak_more(wanted: bool) -> None:
    if wanted:
        _speak(console.VERBOSE)


def _speak(level: int) -> None:
    if console.spoken_from() not in (console.NORMAL, level):
        raise UsageError("--quiet and --verbose contradict each other; give one of them")
    console.speak_from(level)
    python, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    _LOG.debug(f"auxdrive {__version__}, Python {python}, {system}")


COMMANDS: Registry[Any] = Registry(
    "command", "auxdrive.commands", check=lambda loaded: _as_command("command", loaded)
)
"""The sub-commands. Each is a function in a module that is cheap to import (see pyproject.toml)."""


def _unavailable(name: str, reason: AuxdriveError) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    told = console.printable(f"Not available: {reason}")

    @app.command(
        name=name,
        help=told,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def unavailable() -> None:
        raise reason

    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        write_result(f"auxdrive {__version__}\n")
        raise typer.Exit


def build_app() -> typer.Typer:
    """The typer application with all commands of all installed packages."""
    app = typer.Typer(
        name="auxdrive",
        cls=_LazyGroup,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=_HELP_NAMES,
    )

    @app.callback()
    def root(
        version: Annotated[
            bool,
            typer.Option(
                "--version",
                callback=_print_version,
                is_eager=True,
                help="Print the version and exit.",
            ),
        ] = False,
    ) -> None:
        """Camera-only driving students trained with other sensors: train, export, run, measure."""

    return app


def main() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run one command. Every way in which a command can end is reported here.

    Args:
        arguments: that follow `auxdrive`; those of the process by default.

    Returns:
        The exit code.
    """
    with standard_streams(), console.log_shown():
        try:
            code = _run(arguments)
            write_result("")  # flushes what else was printed, while a failure can still be reported
        except BrokenPipeError:
            return 0  # from a command of another package; ours handle it themselves
        except OutputRefused as error:
            console.error(str(error))
            return UNFORESEEN
    return code


def _run(arguments: list[str] | None) -> int:
    try:
        returned = build_app()(arguments, prog_name="auxdrive", standalone_mode=False)
        # a command returns nothing, so a number is the exit code of a `typer.Exit`
        code = returned if isinstance(returned, int) else 0
        return _interrupted() if code == INTERRUPTED else code
    except AuxdriveError as error:
        _LOG.debug("the error comes from here", exc_info=error)
        console.error(str(error))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except _ClickException as error:
        _show_wrong_usage(error)
        return 2
    except SystemExit as ended:
        if _is_within(ended, BrokenPipeError):  # rich ends so when nobody reads the help any more
            return 0
        raise
    except (BrokenPipeError, OutputRefused):
        raise
    except Exception as error:  # noqa: BLE001  # unforeseen errors have an exit code of their own
        # an extension module that is interrupted while it is imported raises ImportError
        if _is_within(error, KeyboardInterrupt):
            return _interrupted()
        if isinstance(error, OSError):
            write_result("")  # raises if it was standard output that refused
        if (
            isinstance(error, OSError)
            and error.filename is not None
            and error.errno in _OF_THE_SYSTEM
        ):
            console.error(f"{error.filename}: the system refuses it ({error.strerror})")
            return 2
        console.note(traceback.format_exc().rstrip(), level=console.QUIET)
        console.error(
            "this was not foreseen; what stands above says where it happened. Please report it "
            "with the command that you gave"
        )
        return UNFORESEEN


def _is_within(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error, or one that caused it, is of a kind."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error is not None


def _interrupted() -> int:
    console.note("interrupted", level=console.QUIET)
    return INTERRUPTED


def _show_wrong_usage(error: Any) -> None:
    """Print what click says of wrong arguments. They may hold names of files, so it is made
    printable.
    """
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        if message:  # it is empty where the help has been printed already
            console.note(message, level=console.QUIET)
        return
    if context is not None:
        console.note(context.get_usage(), level=console.QUIET)
        console.note(f"Try '{context.command_path} --help' for help.", level=console.QUIET)
    console.error(message)
