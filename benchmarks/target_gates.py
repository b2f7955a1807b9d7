"""The gates that a precision passed: those of a bundle's graphs stand in its card; those of a
runtime's own precision, such as bf16 in OpenVINO, are measured here, as the export does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxdrive import Bundle, Predictor
from auxdrive.bench.subjects import BenchSubject
from auxdrive.bundles import MODEL_NAME
from auxdrive.cards import PrecisionGate
from auxdrive.checks.parity import predict_all
from auxdrive.precisions import FP32
from auxdrive.types import Float32
from auxdrive_deploy.card_making import inputs_of
from auxdrive_deploy.precisions.frames import Frames, held_out_frames
from auxdrive_deploy.precisions.gates import gates_of
from auxdrive_deploy.precisions.judging import judge
from auxdrive_deploy.precisions.student import Student
from auxdrive_deploy.reference import Reference, read_reference
from auxdrive_train import load_run

BY_RUNTIME = b"the graph in fp32, as the runtime computes it"


@dataclass(frozen=True)
class InRuntime(Student):
    """A student whose other graph is its own, as a predictor computes it.

    Attributes:
        predictor: that has the bundle's graph in fp32.
    """

    predictor: Predictor

    def run(self, model: bytes, frames: Frames | Reference) -> Float32:
        """See `Student.run`."""
        if model is not BY_RUNTIME:
            return super().run(model, frames)
        return predict_all(self.predictor, frames.images, frames.ego)  # type: ignore[arg-type]


def gates_here(bundle: Bundle, predictor: Predictor, run_folder: Path) -> tuple[PrecisionGate, ...]:
    """The gates of a runtime's own precision, on the frames that took no part in the training.

    Args:
        bundle: of the run.
        predictor: that computes the bundle's graph in that precision.
        run_folder: the run's, whose data set is at hand.
    """
    run = load_run(run_folder)
    held_out = held_out_frames(run, run.folder.result())
    student = InRuntime(
        model=bundle.read(MODEL_NAME),
        task=run.task,
        steering=run.card.steering,
        inputs=inputs_of(run),
        reference=read_reference(run),
        calibration=held_out,  # nothing is calibrated
        held_out=held_out,
        gates=gates_of(run.task.spec, {}),
        predictor=predictor,
    )
    return judge(student, BY_RUNTIME).gates


def said_of_gates(
    bundle: Bundle, subject: BenchSubject, here: dict[str, tuple[PrecisionGate, ...]]
) -> dict[str, Any]:
    """Whether a precision passed its gates, and what was measured. The graph in fp32 has none: it
    is held to parity with the student.

    Args:
        bundle: of the subject.
        subject: that was measured.
        here: the gates that were measured here, by the subject's name.
    """
    if subject.graph == FP32 and subject.name not in here:
        return {"by": "parity with the student, as measured here (exactness)"}
    gates = here.get(subject.name) or bundle.card.precisions[subject.graph].gates
    return {
        "passed": passed(gates),
        "by": {
            gate.name: f"{gate.value:.4g} of {gate.limit:g} {gate.unit}".strip() for gate in gates
        },
    }


def passed(gates: tuple[PrecisionGate, ...]) -> bool:
    """Whether there are gates, and all were passed."""
    return bool(gates) and all(gate.passed for gate in gates)
