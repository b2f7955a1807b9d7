"""Errors. Each says what is wrong, where, and what to do about it. Commands print them without a
traceback and end with their exit code: 2, but 1 for `CheckFailed`, the negative result of a check
such as `auxdrive verify`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AuxdriveError(Exception):
    """Base of every error that auxdrive raises on purpose. Other errors are defects.

    Examples:
        >>> from auxdrive import AuxdriveError, Bundle
        >>> try:
        ...     Bundle.open("nowhere")
        ... except AuxdriveError as error:
        ...     print(error)
        nowhere: no such directory; a bundle is the directory that `auxdrive export` writes
    """

    exit_code = 2


class UsageError(AuxdriveError):
    """The caller asked for something that does not exist or cannot work.

    Examples:
        >>> from auxdrive import RUNTIMES
        >>> RUNTIMES["onnxruntim"]
        Traceback (most recent call last):
        auxdrive.errors.UsageError: unknown runtime 'onnxruntim'. Did you mean 'onnxruntime'? ...
    """


class ConfigError(UsageError):
    """A config or an option is wrong. The message lists every mistake at once.

    Examples:
        >>> from auxdrive import SteeringSpec, VehicleSpec, make_controller
        >>> make_controller("pid", SteeringSpec(), VehicleSpec(), {"max_age": 0.3})
        Traceback (most recent call last):
        auxdrive.errors.ConfigError: controller 'pid': max_age: unknown key 'max_age'. Did you ...
    """


class DataError(AuxdriveError):
    """A recording or data set, or what one is to be made from, is damaged, empty or lacks what is
    needed.

    Examples:
        >>> from auxdrive import EpisodeReader
        >>> EpisodeReader("data/episodes/drive-9999")
        Traceback (most recent call last):
        auxdrive.errors.DataError: data/episodes/drive-9999: no such episode
    """


class BundleError(AuxdriveError):
    """A bundle is damaged or incomplete, holds files that do not belong to it, or a hash does not
    match.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive import Bundle
        >>> _ = Path("bundle/README.md").write_text("changed")
        >>> Bundle.open("bundle")
        Traceback (most recent call last):
        auxdrive.errors.BundleError: bundle/README.md: its SHA-256 is not the one in card.json: ...
    """


class InputError(AuxdriveError):
    """A value given to a predictor, a controller or a recording has the wrong type, shape or dtype,
    or is not finite.

    Examples:
        >>> from auxdrive import RouteFollower
        >>> RouteFollower([(0.0, 0.0)])
        Traceback (most recent call last):
        auxdrive.errors.InputError: the route has 1 points; it needs two at least
    """


class RuntimeFailure(AuxdriveError):
    """The runtime failed while it ran a graph that it had loaded. `Predictor.predict` does not
    raise it: it withholds the prediction.

    Examples:
        >>> import numpy as np
        >>> from auxdrive import Observation, Predictor
        >>> image = np.zeros((24, 32, 3), np.uint8)
        >>> seen = Observation(image, time_s=0.0, speed_mps=4.0, target_ego_m=(20.0, 0.0))
        >>> with Predictor.load("bundle") as predictor:
        ...     predictor.raw_output(seen, deadline_s=0.0)
        Traceback (most recent call last):
        auxdrive.errors.RuntimeFailure: the graph was not done with one frame after 0 s ...
    """


class RuntimeUnavailable(AuxdriveError):
    """The runtime, provider or device that was asked for cannot be had. Nothing else is ever used
    instead without being asked for.

    Examples:
        >>> from auxdrive import Predictor, RuntimeUnavailable
        >>> try:
        ...     predictor = Predictor.load("bundle", device="cuda")
        ... except RuntimeUnavailable:
        ...     predictor = Predictor.load("bundle", device="cpu")
        >>> predictor.close()
    """


class MissingExtra(UsageError):
    """A command needs optional extras that are not installed.

    Args:
        what: what needs them.
        extras: their names.

    Examples:
        >>> from auxdrive import MissingExtra
        >>> print(MissingExtra("auxdrive train", "train"))
        auxdrive train needs the extra 'train', which is not installed. Install it: pip install ...
    """

    def __init__(self, what: str, *extras: str) -> None:
        named = " and ".join(f"'{extra}'" for extra in extras)
        one = f"extra {named}, which is not installed. Install it"
        several = f"extras {named}, which are not installed. Install them"
        super().__init__(
            f"{what} needs the {one if len(extras) == 1 else several}: pip install "
            f"'auxdrive[{','.join(extras)}]'"
        )


class WrongVersion(UsageError):
    """A package that an extra brings is installed, but cannot be used.

    Args:
        what: what needs it.
        package: its name.
        reason: why it cannot be used.
        extra: the extra that brings it.
    """

    def __init__(self, what: str, package: str, reason: object, extra: str) -> None:
        super().__init__(
            f"{what} cannot use the installed {package}: {reason}. It is damaged, or of a version "
            "that does not fit. "
            f"Install what is asked for: pip install --upgrade 'auxdrive[{extra}]'"
        )


class SimulatorError(AuxdriveError):
    """A simulator cannot be started, or a route cannot be driven in it.

    Examples:
        >>> from auxdrive import AuxdriveError, SimulatorError
        >>> try:
        ...     raise SimulatorError("the simulator has no town 'harbour'")
        ... except AuxdriveError as error:
        ...     print(error, error.exit_code)
        the simulator has no town 'harbour' 2
    """


class WorkerDied(AuxdriveError):
    """A worker process was killed, crashed, or ran out of memory."""


class CheckFailed(AuxdriveError):
    """A check was made and did not pass.

    Examples:
        >>> from auxdrive import CheckFailed
        >>> CheckFailed("bundle: 1 of 14 checks failed").exit_code
        1
    """

    exit_code = 1


def unknown_name(what: str, name: str, valid: Iterable[str]) -> str:
    """The message for a name that is not valid; it names the nearest valid one.

    Args:
        what: the kind of thing that was asked for ("method").
        name: that was asked for.
        valid: names.
    """
    names = sorted(valid)
    near = difflib.get_close_matches(name[:100], names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    shown = name if len(name) <= 100 else f"{name[:100]}..."
    return f"unknown {what} '{shown}'.{hint} Valid: {', '.join(names)}"
