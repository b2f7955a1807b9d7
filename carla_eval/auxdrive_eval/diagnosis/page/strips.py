"""The film strip of a case: what the camera saw at its moments, with the model's plan and the
expert's drawn in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.inspection.overlay import PREDICTED, RECORDED, Shown, overlay
from auxdrive.inspection.painting import jpeg
from auxdrive.tasks.base import Drawing

from auxdrive_eval.diagnosis.cases import Case
from auxdrive_eval.diagnosis.facts import Instant
from auxdrive_eval.diagnosis.repeats.repeat import Shot

EXPERTS, MODELS = RECORDED, PREDICTED
"""The colours of the expert's plan and of the model's."""
_QUALITY, _LONGEST = 80, 480


def frames_of(shots: Sequence[Shot], camera: CameraSpec) -> tuple[bytes | None, ...]:
    """The images as JPEG, one for each moment; None where it has none.

    Args:
        shots: the moments.
        camera: through which they were seen.
    """
    frames: list[bytes | None] = []
    for shot in shots:
        if shot.image is None:
            frames.append(None)
            continue
        paths: list[Shown] = []
        target = None
        if shot.expert_ego_m is not None:
            path = np.concatenate([np.zeros((1, 2)), shot.expert_ego_m]).astype(np.float32)
            paths.append(Shown(Drawing("", path, marks=True), EXPERTS))
        if shot.predicted is not None:
            target = shot.predicted.target_ego_m
            paths.append(Shown(shot.predicted.task.drawing(shot.predicted.row), MODELS))
        drawn = overlay(shot.image, camera, paths, target, above_at_left=True)
        frames.append(jpeg(drawn, _QUALITY, _LONGEST))
    return tuple(frames)


def caption_of(case: Case, instant: Instant) -> str:
    """What stands below an image: when it was, how fast the car, and what governed it.

    Args:
        case: that is shown.
        instant: the moment.
    """
    if case.stands:
        parts = [f"{max(instant.time_s - case.began_s, 0.0):.1f} s into the stop"]
        if instant.expert_goes:
            parts.append("the expert would go")
    else:
        parts = [f"{case.at_s - instant.time_s:.1f} s before", f"{instant.speed_mps:.1f} m/s"]
        if instant.expert_brakes > 0.0:
            parts.append("the expert would brake")
    if instant.light is not None:
        out = "" if instant.light.visible is not False else ", out of view"
        parts.append(f"{instant.light.colour.value} light {_line(instant.light.to_line_m)}{out}")
    if instant.sign is not None:
        parts.append(f"stop sign {_line(instant.sign.to_line_m)}")
    if instant.lead is not None and instant.lead.gap_m < 20.0:
        parts.append(f"somebody ahead in {max(instant.lead.gap_m, 0.0):.0f} m")
    return " · ".join(parts)


def _line(to_line_m: float) -> str:
    return f"in {to_line_m:.0f} m" if to_line_m >= 0.0 else "passed"
