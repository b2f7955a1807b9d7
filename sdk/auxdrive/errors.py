"""Errors. Each says what was wrong, where, and what to do; the command line prints them without a
traceback.

`UsageError` and its subclasses are mistakes of the user (exit code 2); `CheckFailed` is an honest
negative result of a check such as `auxdrive verify` (exit code 1).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AuxdriveError(Exception):
    """Base of every error that auxdrive raises on purpose."""

    exit_code = 2


class UsageError(AuxdriveError):
    """The caller asked for something that does not exist or cannot work."""


class ConfigError(UsageError):
    """A config is wrong; the message lists every mistake at once."""


class DataError(AuxdriveError):
    """A recording, data set or source of one is damaged, empty or lacks what is needed."""


class BundleError(AuxdriveError):
    """A bundle is damaged, incomplete, has files too many, or a hash does not match."""


class InputError(AuxdriveError):
    """A value handed to the predictor or controller has the wrong shape, dtype or is not finite."""


class RuntimeFailure(AuxdriveError):
    """The runtime failed while it ran a graph that it had loaded. `Predictor.predict` does not
    raise it but withholds the prediction.
    """


class RuntimeUnavailable(AuxdriveError):
    """The runtime, provider or device that was asked for cannot be had; nothing else is used in
    silence.
    """


class MissingExtra(UsageError):
    """A command needs optional extras that are not installed."""

    def __init__(self, what: str, *extras: str) -> None:
        named = " and ".join(f"'{extra}'" for extra in extras)
        one = f"extra {named}, which is not installed. Install it"
        several = f"extras {named}, which are not installed. Install them"
        super().__init__(
            f"{what} needs the {one if len(extras) == 1 else several}: pip install "
            f"'auxdrive[{','.join(extras)}]'"
        )


class WrongVersion(UsageError):
    """A package that an extra brings is installed, and cannot be used."""

    def __init__(self, what: str, package: str, reason: object, extra: str) -> None:
        super().__init__(
            f"{what} cannot use the installed {package}: {reason}. It is damaged, or of a version "
            "that does not fit. "
            f"Install what is asked for: pip install --upgrade 'auxdrive[{extra}]'"
        )


class SimulatorError(AuxdriveError):
    """A simulator cannot be started or a route cannot be driven in it."""


class CheckFailed(AuxdriveError):
    """A check was made and did not pass."""

    exit_code = 1


def unknown_name(what: str, name: str, valid: Iterable[str]) -> str:
    """The message for a name that is not in a table, with the nearest valid one."""
    names = sorted(valid)
    near = difflib.get_close_matches(name[:100], names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    shown = name if len(name) <= 100 else f"{name[:100]}..."
    return f"unknown {what} '{shown}'.{hint} Valid: {', '.join(names)}"
