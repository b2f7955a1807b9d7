"""Which precisions an export makes, and all of them made for a bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from auxdrive.bundles import reference_ood
from auxdrive.cards import ModelCard, PrecisionSpec
from auxdrive.errors import UsageError, unknown_name
from auxdrive.precisions import MODEL_FILES
from auxdrive.runs import RunResult
from auxdrive.strict import Strict
from auxdrive.work import Shown
from auxdrive_train.engine.load import Run
from pydantic import Field

from auxdrive_deploy.ood.in_graph import fit_in
from auxdrive_deploy.ood.measuring import OodFrames
from auxdrive_deploy.precisions.driving import LEAST_ROUTES, driving_gate, embedded_scores
from auxdrive_deploy.precisions.frames import calibration_frames, held_out_frames
from auxdrive_deploy.precisions.gates import gates_of
from auxdrive_deploy.precisions.making import WRITERS, Made, make
from auxdrive_deploy.precisions.student import Student
from auxdrive_deploy.reference import Reference, npy


class PrecisionPlan(Strict):
    """The precisions that an export makes beside fp32.

    Attributes:
        precisions: names in `auxdrive.precisions.PRECISIONS`, without fp32.
        calibrate: how many recorded frames of the training part give the ranges of int8.
        drive: how many routes are driven in fp32 and in each precision, as a further gate; 0 for
            none.
        gates: limits by name (`PrecisionGates`) that take the place of the task's.

    Examples:
        >>> from auxdrive_deploy import PrecisionPlan
        >>> PrecisionPlan(precisions=("fp16", "int8"), calibrate=64).drive
        0
    """

    precisions: tuple[str, ...] = Field(min_length=1)
    calibrate: int = Field(default=128, ge=1, le=4096)
    drive: int = Field(default=0, ge=0)
    gates: dict[str, float] = Field(default={})

    def check(self, run: Run) -> None:
        """Check what can be checked before anything is made.

        Raises:
            UsageError: an unknown precision, a wrong gate, or too few routes.
        """
        for name in self.precisions:
            if name not in WRITERS:
                raise UsageError(unknown_name("precision to export", name, tuple(WRITERS)))
        if 0 < self.drive < LEAST_ROUTES:
            raise UsageError(
                f"--drive {self.drive}: with fewer than {LEAST_ROUTES} routes the difference of "
                "two scores has no interval"
            )
        if self.drive:
            embedded_scores()
        gates_of(run.task.spec, self.gates)


def make_all(
    plan: PrecisionPlan,
    run: Run,
    result: RunResult,
    card: ModelCard,
    reference: Reference,
    model: bytes,
    ood: OodFrames | None,
    shown: Shown,
) -> list[Made]:
    """Each precision of a plan, made and judged on recorded frames. Those that pass have an
    out-of-distribution score of their own.

    Args:
        plan: which.
        run: that is exported.
        result: what it measured.
        card: of the bundle.
        reference: the reference frames.
        model: the graph in float32.
        ood: the frames for the out-of-distribution scores; None where the graph gives none.
        shown: is told of each.

    Raises:
        UsageError: the recorded frames are gone.
    """
    student = Student(
        model=model,
        task=run.task,
        steering=run.card.steering,
        inputs=card.inputs,
        reference=reference,
        calibration=calibration_frames(run, plan.calibrate),
        held_out=held_out_frames(run, result),
        gates=gates_of(run.task.spec, plan.gates),
    )
    made = []
    for name in dict.fromkeys(plan.precisions):
        each = make(student, name)
        if ood is not None and each.report.passed:
            score = fit_in(each.model, card.inputs, ood, reference.images)
            each = replace(each, model=score.model, score=score)
        made.append(each)
        shown.done(1, f"{name} {'passes' if each.report.passed else 'is rejected'}")
    return made


def drive_all(
    plan: PrecisionPlan,
    run: Run,
    made: Sequence[Made],
    write: Callable[[Path, Sequence[Made]], object],
    shown: Shown,
) -> list[Made]:
    """The precisions with the gate of the driving score added, where the plan says so and they
    passed all others.

    Args:
        plan: how many routes are driven.
        run: that is exported.
        made: the precisions.
        write: writes a bundle with some precisions into a folder.
        shown: is told that routes are driven, which takes minutes.
    """
    passed = [each for each in made if each.report.passed]
    if not plan.drive or not passed:
        return list(made)
    limit = gates_of(run.task.spec, plan.gates).driving_points
    names = ", ".join(each.report.precision for each in passed)
    shown.done(0, f"driving {plan.drive} routes in fp32, {names}")
    with TemporaryDirectory(prefix="auxdrive-drive-") as folder:
        bundle, work = Path(folder) / "bundle", Path(folder) / "drives"
        bundle.mkdir()
        work.mkdir()
        write(bundle, passed)
        return [
            _with_gate(each, bundle, plan.drive, limit, work) if each.report.passed else each
            for each in made
        ]


def _with_gate(made: Made, bundle: Path, routes: int, limit: float, work: Path) -> Made:
    report = made.report
    gate = driving_gate(embedded_scores(), bundle, report.precision, routes, limit, work)
    update = {"gates": (*report.gates, gate), "passed": gate.passed}
    return replace(made, report=report.model_copy(update=update))


def specs_and_files(made: Sequence[Made]) -> tuple[dict[str, PrecisionSpec], dict[str, bytes]]:
    """What the card says of the precisions that passed, and their files."""
    specs, files = {}, {}
    for each in made:
        if not each.report.passed:
            continue
        name = each.report.precision
        specs[name], files[MODEL_FILES[name]] = each.spec, each.model
        if each.score is not None:
            files[reference_ood(name)] = npy(each.score.reference)
    return specs, files
