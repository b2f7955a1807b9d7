"""A precision of a student: made, judged by its gates, and left out of the bundle if it fails.

Where a graph fails, the layer that adds most noise is left in float32 and it is judged again, until
it passes or a quarter of the layers is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from auxdrive.cards import ParitySpec, PrecisionGate, PrecisionSpec
from auxdrive.precisions import FP16, INT8, MODEL_FILES
from auxdrive.strict import Strict

from auxdrive_deploy.ood.in_graph import GraphScore
from auxdrive_deploy.precisions.fp16 import to_fp16
from auxdrive_deploy.precisions.int8 import to_int8
from auxdrive_deploy.precisions.judging import judge
from auxdrive_deploy.precisions.layers import LayerNoise, first_departing, layer_noise, noisiest
from auxdrive_deploy.precisions.student import Student

NOISE_FRAMES = 16
"""On so many held-out frames layers are compared."""
LEFT_OUT_SHARE = 0.25


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
class Made:
    """A precision that was made.

    Attributes:
        model: its graph.
        report: what became of it.
        parity: on the reference frames.
        score: its out-of-distribution score; None where the graph gives none.
    """

    model: bytes
    report: PrecisionReport
    parity: ParitySpec
    score: GraphScore | None = None

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
            ood=None if self.score is None else self.score.spec,
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
