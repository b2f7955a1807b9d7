"""A precision of a student: made, judged by its gates, and left out of the bundle if it fails.

Where a graph fails, the layer that adds most noise is left in float32 and it is judged again, until
it passes or a quarter of the layers is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from auxdrive.cards import ParitySpec, PrecisionGate, PrecisionSpec, TensorSpec
from auxdrive.checks.parity import compare
from auxdrive.precisions import FP16, INT8, MODEL_FILES
from auxdrive.steering import SteeringSpec
from auxdrive.strict import Strict
from auxdrive.types import Float32
from auxdrive_train.tasks.base import Task

from auxdrive_deploy.precisions.fp16 import to_fp16
from auxdrive_deploy.precisions.frames import Frames
from auxdrive_deploy.precisions.gates import PrecisionGates
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.int8 import quantised_maps, to_int8
from auxdrive_deploy.precisions.layers import LayerNoise, first_departing, layer_noise, noisiest
from auxdrive_deploy.precisions.ranges import measure_ranges
from auxdrive_deploy.reference import Reference
from auxdrive_deploy.student_parity import run_graph

NOISE_FRAMES = 16
"""On so many held-out frames layers are compared."""
LEFT_OUT_SHARE = 0.25
LARGEST_VALUE = 1e9
"""Stands for predictions that are not finite."""


@dataclass(frozen=True)
class Student:
    """A student that is written in other precisions.

    Attributes:
        model: its graph in float32.
        task: what it predicts.
        steering: the data's steering limits, by which its accuracy is judged.
        inputs: of the graph.
        reference: the bundle's reference frames.
        calibration: frames of the training part.
        held_out: frames that took part in nothing.
        gates: that a precision must pass.
    """

    model: bytes
    task: Task
    steering: SteeringSpec
    inputs: Sequence[TensorSpec]
    reference: Reference
    calibration: Frames
    held_out: Frames
    gates: PrecisionGates

    @cached_property
    def graph(self) -> Graph:
        """The graph, to look things up."""
        return Graph(self.model)

    @cached_property
    def outputs(self) -> Float32:
        """What it predicts from the held-out frames."""
        return self.run(self.model, self.held_out)

    @cached_property
    def ranges(self) -> dict[str, float]:
        """The range of every map that may be quantised, on the calibration frames."""
        shapes = {
            name: self.graph.shapes[name] for name in quantised_maps(self.model, self.graph.heavy())
        }
        return measure_ranges(self.model, shapes, self.inputs, self.calibration)

    def run(self, model: bytes, frames: Frames | Reference) -> Float32:
        """What a graph predicts.

        Args:
            model: the graph's bytes.
            frames: that it is given.
        """
        output = self.task.output
        given = run_graph(model, self.inputs, (output,), frames.images, frames.ego)
        return given[output.name]


@dataclass(frozen=True)
class Writer:
    """How a precision is written.

    Attributes:
        method: in a sentence, for the card.
        calibrated: whether it needs calibration frames.
        write: from the student and the outputs of the layers in the lower precision to a graph.
    """

    method: str
    calibrated: bool
    write: Callable[[Student, Collection[str]], bytes]


WRITERS: Mapping[str, Writer] = {
    FP16: Writer(
        "fp16 in the heavy layers, float32 around them",
        False,
        lambda student, layers: to_fp16(student.model, layers),
    ),
    INT8: Writer(
        "static int8, QDQ, symmetric: weights per output, maps per tensor with the range of least "
        "squared error; biases in float32",
        True,
        lambda student, layers: to_int8(student.model, layers, student.ranges),
    ),
}


class PrecisionReport(Strict):
    """What became of a precision.

    Attributes:
        precision: its name.
        passed: whether it passed all gates and is in the bundle.
        gates: what was measured.
        method: how it was made.
        calibration_frames: how many gave the ranges of its maps.
        float_layers: heavy layers that were left in float32, by the names of their outputs.
        departs: the first tensor whose noise is more than a third of its signal; None where there
            is none, as in most that pass.
        layers: the noise of every layer, in the graph's order.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_deploy import PrecisionPlan, PrecisionReport, write_bundle
        >>> from auxdrive_train import load_run
        >>> reports: list[PrecisionReport] = []
        >>> plan = PrecisionPlan(precisions=("fp16",), gates={"accuracy_points": 5.0})
        >>> card = write_bundle(
        ...     load_run(Path("run")),
        ...     Path("bundles/fp16"),
        ...     precisions=plan,
        ...     on_precision=reports.append,
        ... )
        >>> [(report.precision, report.gates[0].name) for report in reports]
        [('fp16', 'worst difference')]
    """

    precision: str
    passed: bool
    gates: tuple[PrecisionGate, ...]
    method: str
    calibration_frames: int
    float_layers: tuple[str, ...]
    departs: LayerNoise | None
    layers: tuple[LayerNoise, ...]

    @property
    def failed(self) -> str:
        """The gates that were not passed and the first tensor that departs, in a sentence."""
        broken = "; ".join(
            f"{gate.name} {gate.value:.3g} of {gate.limit:g} {gate.unit}".rstrip()
            for gate in self.gates
            if not gate.passed
        )
        if self.departs is None:
            return f"{self.precision}: {broken}; no tensor departs by itself"
        return (
            f"{self.precision}: {broken}; the first tensor that departs is "
            f"'{self.departs.tensor}' of '{self.departs.weights}' ({self.departs.snr_db:.1f} dB)"
        )


@dataclass(frozen=True)
class Judged:
    """What was measured of a graph.

    Attributes:
        gates: against the graph in float32.
        parity: on the reference frames, against the trained student.
    """

    gates: tuple[PrecisionGate, ...]
    parity: ParitySpec


@dataclass(frozen=True)
class Made:
    """A precision that was made.

    Attributes:
        model: its graph.
        report: what became of it.
        parity: on the reference frames.
    """

    model: bytes
    report: PrecisionReport
    parity: ParitySpec

    @property
    def spec(self) -> PrecisionSpec:
        """What the card says of it."""
        report = self.report
        return PrecisionSpec(
            file=MODEL_FILES[report.precision],
            method=report.method,
            calibration_frames=report.calibration_frames,
            float_layers=report.float_layers,
            gates=report.gates,
            parity=self.parity,
        )


def make(student: Student, precision: str) -> Made:
    """Write a student in a precision and judge it.

    Args:
        student: in float32.
        precision: a key of `WRITERS`.
    """
    writer, layers = WRITERS[precision], student.graph.heavy()
    most = max(1, int(len(layers) * LEFT_OUT_SHARE))
    left_out: list[str] = []
    while True:
        kept = [name for name in layers if name not in left_out]
        model = writer.write(student, kept)
        judged = judge(student, model)
        passed = all(gate.passed for gate in judged.gates)
        noises = _noises(student, model)
        if passed or len(left_out) == most:
            break
        left_out.append(noisiest(noises, kept))
    report = PrecisionReport(
        precision=precision,
        passed=passed,
        gates=judged.gates,
        method=writer.method,
        calibration_frames=len(student.calibration) if writer.calibrated else 0,
        float_layers=tuple(left_out),
        departs=first_departing(noises),
        layers=noises,
    )
    return Made(model, report, judged.parity)


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


def _noises(student: Student, model: bytes) -> tuple[LayerNoise, ...]:
    graph = student.graph
    layers = {name: graph.weights_of(name) for name in graph.layers()}
    return layer_noise(
        student.model,
        model,
        layers,
        graph.shapes,
        student.inputs,
        student.held_out.few(NOISE_FRAMES),
    )
