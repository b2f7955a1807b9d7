"""What is measured of a graph in a precision: its gates against float32, and its parity with the
trained student.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from auxdrive.cards import ParitySpec, PrecisionGate
from auxdrive.checks.parity import compare
from auxdrive.types import Float32

from auxdrive_deploy.precisions.student import Student

LARGEST_VALUE = 1e9
"""Stands for predictions that are not finite."""


@dataclass(frozen=True)
class Judged:
    """What was measured of a graph.

    Attributes:
        gates: against the graph in float32.
        parity: on the reference frames, against the trained student.
    """

    gates: tuple[PrecisionGate, ...]
    parity: ParitySpec


def judge(student: Student, model: bytes) -> Judged:
    """The gates of a graph, and its parity on the reference frames.

    Args:
        student: in float32.
        model: the graph.
    """
    gates, task, reference = student.gates, student.task, student.reference
    unit = task.spec.parity_unit
    predicted = student.run(model, student.held_out)
    held_out = compare(task.name, predicted, student.outputs)
    shown = student.run(model, reference)
    parity = compare(task.name, shown, reference.outputs)
    control = compare(task.name, shown, reference.negative_control)
    frames = len(student.held_out)
    found = [
        _gate("worst difference", held_out.worst, gates.worst, unit, frames),
        _gate("mean difference", held_out.mean, gates.mean, unit, frames),
        _gate("worst reference frame", parity.worst, gates.worst, unit, parity.frames),
        # The negative control must differ by more than the limit, or the limit says nothing.
        _gate(
            "limit against the negative control",
            gates.worst / max(control.worst, 1e-9),
            1.0,
            "",
            parity.frames,
        ),
    ]
    if np.isfinite(predicted).all():
        lost = _accuracy_lost(student, predicted)
        if lost is not None:
            found.append(
                _gate("steering accuracy lost", lost, gates.accuracy_points, "points", frames)
            )
    return Judged(
        gates=tuple(found),
        parity=ParitySpec(
            frames=parity.frames,
            limit=max(gates.worst, 1e-12),
            unit=unit,
            measured=min(parity.worst, LARGEST_VALUE),
            negative_control=min(control.worst, LARGEST_VALUE),
        ),
    )


def _gate(name: str, value: float, limit: float, unit: str, samples: int) -> PrecisionGate:
    return PrecisionGate(
        name=name, value=min(value, LARGEST_VALUE), limit=limit, unit=unit, samples=samples
    )


def _accuracy_lost(student: Student, predicted: Float32) -> float | None:
    """The loss of mAcc in points; None where the task has no steering accuracy."""
    labels = student.held_out.labels
    before, after = (
        student.task.metrics(each, labels, student.steering)
        for each in (student.outputs, predicted)
    )
    accuracy = next((name for name in before if name in ("macc", "steer_macc")), None)
    return None if accuracy is None else 100.0 * (before[accuracy] - after[accuracy])
