"""Who drives, from the options of `auxdrive drive`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from auxdrive.controllers import CONTROLLERS
from auxdrive.envelope.kinds import FallbackKind
from auxdrive.errors import UsageError, unknown_name
from auxdrive.precisions import FP32, check_precision
from auxdrive.storage.reading import exists

from auxdrive_eval.driving.expert_name import EXPERT

if TYPE_CHECKING:
    from auxdrive_eval.driving.agents.limits import AgentLimits
    from auxdrive_eval.driving.settings import DriverSource


def driver_source(
    driver: str,
    role: str,
    controller: str | None,
    creep_after_s: float | None,
    envelope: str | None,
    limits: AgentLimits,
    runtime_options: Mapping[str, object],
    precision: str,
    key: Path | None,
) -> DriverSource:
    """Who drives, from what a user typed.

    Args:
        driver: a bundle's or run's folder, or `EXPERT`.
        role: which network of a run.
        controller: name of a controller; None for that of the model's task.
        creep_after_s: see `auxdrive.controllers.creep`; None never creeps.
        envelope: the fallback of a safety envelope; None for none.
        limits: how long the agent may take.
        runtime_options: of the runtime.
        precision: of a bundle's graph.
        key: of the signature that a bundle must have; None asks for none.

    Raises:
        UsageError: a value is not possible, or does not go with this driver.
    """
    from auxdrive_eval.driving.agents import STUDENT, AgentSource
    from auxdrive_eval.driving.settings import DriverSource

    if controller is not None:
        CONTROLLERS[controller]  # refuse a wrong name before anything starts
    check_precision(precision)
    if creep_after_s is not None and not 0 < creep_after_s < math.inf:
        raise UsageError(f"--creep-after-s is a number of seconds above 0, got {creep_after_s}")
    kinds = get_args(FallbackKind)
    if envelope is not None and envelope not in kinds:
        raise UsageError(f"--envelope: {unknown_name('fallback', envelope, kinds)}")
    if driver == EXPERT and not exists(driver):
        given = (controller, creep_after_s, envelope)
        if any(each is not None for each in given) or role != STUDENT:
            raise UsageError(
                "the expert steers itself and has one role: leave out --controller, "
                "--creep-after-s, --envelope and --role"
            )
        if runtime_options or precision != FP32 or key is not None:
            raise UsageError(
                "the expert runs in no runtime and is not signed: leave out --runtime-option, "
                "--precision and --key"
            )
        return DriverSource(None)
    agent = AgentSource(
        Path(driver),
        role,
        runtime_options=runtime_options,
        precision=precision,
        require_signature=key,
    )
    kind = cast(FallbackKind | None, envelope)
    return DriverSource(agent, controller, creep_after_s, kind, limits)
