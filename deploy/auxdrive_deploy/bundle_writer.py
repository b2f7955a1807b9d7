"""From a run to a bundle. Everything is written into a folder beside the destination and verified
there; then the folder is renamed. So a bundle is either complete or not there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from auxdrive.bundles import (
    CARD_NAME,
    MODEL_NAME,
    README_NAME,
    REFERENCE_EGO,
    REFERENCE_IMAGES,
    REFERENCE_NEGATIVE_CONTROL,
    REFERENCE_OUTPUTS,
    SBOM_NAME,
    reference_ood,
    sha256_of_files,
)
from auxdrive.cards import ModelCard
from auxdrive.checks.verify import verify_bundle
from auxdrive.errors import CheckFailed, DataError, UsageError
from auxdrive.history import current
from auxdrive.precisions import FP32
from auxdrive.runs import RunResult
from auxdrive.storage.folders import held
from auxdrive.storage.publish import published_folder, write_new
from auxdrive.work import Shown, ShowProgress, Work, no_progress
from auxdrive_train.engine.load import Run

from auxdrive_deploy.card_making import make_card
from auxdrive_deploy.metrics import student_metrics
from auxdrive_deploy.model_page import readme
from auxdrive_deploy.ood.measuring import OodFrames, ood_frames
from auxdrive_deploy.ood.network import vectors_of
from auxdrive_deploy.precisions.making import Made, PrecisionReport
from auxdrive_deploy.precisions.plan import PrecisionPlan, drive_all, make_all, specs_and_files
from auxdrive_deploy.reference import npy, read_reference
from auxdrive_deploy.reference_plot import PLOT_NAME, reference_plot
from auxdrive_deploy.sbom import sbom_of
from auxdrive_deploy.student_graph import student_of, to_onnx

MAX_NAME = 100
_LOG = logging.getLogger(__name__)


def write_bundle(
    run: Run,
    out: Path,
    name: str | None = None,
    cast_first: bool = False,
    progress: ShowProgress = no_progress,
    precisions: PrecisionPlan | None = None,
    on_precision: Callable[[PrecisionReport], None] = lambda _: None,
    ood: bool = True,
) -> ModelCard:
    """Export a run's student as a bundle into the new directory `out`. Metrics that could not be
    measured again are logged, and why there is no out-of-distribution score.

    Args:
        run: a finished run, from `load_run`.
        out: the bundle's directory, which must not exist yet.
        name: the model's name in the card; by default that of the run's directory.
        cast_first: write the graph as TensorRT needs it (see `auxdrive_deploy.byte_shrink`). In
            other runtimes, large images then take longer.
        progress: shows how far it is, e.g. `auxdrive.console.progress`.
        precisions: which precisions are made beside fp32. One that fails its gates does not enter
            the bundle.
        on_precision: called with the report of each of them.
        ood: whether the graphs give an out-of-distribution score, where the data are at hand.

    Returns:
        The bundle's card.

    Raises:
        UsageError: `out` exists, another process is writing it, the name is not printable, the run
            has no student that sees RGB alone, or a precision is wanted and its data set is gone.
        DataError: the run is not finished or is damaged, or the disk is full or not writable.
        CheckFailed: the exported graph does not predict what the student does, or the check cannot
            tell. Nothing is left behind after any error.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_deploy import write_bundle
        >>> from auxdrive_train import load_run
        >>> card = write_bundle(load_run(Path("run")), Path("bundles/first"))
        >>> card.name, card.task, card.parity.measured < card.parity.limit
        ('run', 'steering', True)
    """
    name = _checked_name(run.directory.resolve().name if name is None else name)
    _refuse_existing(out)
    if precisions is not None:
        precisions.check(run)
    steps = 4 + ood + (0 if precisions is None else len(set(precisions.precisions)))
    work = Work(f"exporting {run.directory}", "step", steps)
    with held(out, beside=True), progress(work) as shown:
        card, made = _write_bundle(run, out, name, cast_first, precisions, ood, shown)
    for each in made:
        on_precision(each.report)
    return card


def _write_bundle(
    run: Run,
    out: Path,
    name: str,
    cast_first: bool,
    plan: PrecisionPlan | None,
    ood: bool,
    shown: Shown,
) -> tuple[ModelCard, Sequence[Made]]:
    network = student_of(run)
    result = run.folder.result()
    reference = read_reference(run)
    height, width = run.card.needed_camera.height, run.card.needed_camera.width
    describe = partial(vectors_of, network)
    frames = _ood_frames(run, result, shown) if ood else None
    fitted = None if frames is None else frames.fit(describe)
    if fitted is not None:
        shown.done(1, f"the out-of-distribution score is fitted to {fitted.spec.fitted_on} frames")
    score = None if fitted is None else fitted.score
    model = to_onnx(network, run.task, height, width, cast_first, score)
    shown.done(1, f"a graph of {len(model) / 2**20:.1f} MiB")
    metrics = student_metrics(run, result)
    shown.done(1, "metrics are measured")
    card = make_card(run, name, result, metrics, reference, model, fitted)
    shown.done(1, "the graph predicts what the student does")
    files = {
        MODEL_NAME: model,
        PLOT_NAME: reference_plot(
            run.task.spec, current(reference.images), reference.outputs, reference.labels
        ),
        SBOM_NAME: sbom_of(card, model, run.record.torch),
        REFERENCE_IMAGES: npy(reference.images),
        REFERENCE_EGO: npy(reference.ego),
        REFERENCE_OUTPUTS: npy(reference.outputs),
        REFERENCE_NEGATIVE_CONTROL: npy(reference.negative_control),
    }
    if fitted is not None:
        files[reference_ood(FP32)] = npy(fitted.scores_of(describe, reference.images))

    def write(folder: Path, made: Sequence[Made]) -> ModelCard:
        specs, graphs = specs_and_files(made)
        whole = card.model_copy(update={"precisions": specs})
        text = readme(whole, metrics.notes).encode()
        for path, data in {**files, README_NAME: text, **graphs}.items():
            write_new(folder / path, data)
        whole = whole.model_copy(update={"files": sha256_of_files(folder)})
        write_new(folder / CARD_NAME, whole.model_dump_json(indent=2).encode())
        return whole

    made: list[Made] = []
    if plan is not None:
        made = make_all(plan, run, result, card, reference, model, frames, shown)
        made = drive_all(plan, run, made, write, shown)
    with _appearing(out) as folder:
        card = write(folder, made)
        _verify(folder, out)
        shown.done(1, "the bundle is verified")
    if card.input_ranges is None:
        _LOG.warning(
            f"{run.directory} is of before training ranges were recorded: the bundle flags only "
            "what no road vehicle is asked"
        )
    for note in metrics.not_recomputed:
        _LOG.warning(f"metrics of {note}")
    return card, made


def _ood_frames(run: Run, result: RunResult, shown: Shown) -> OodFrames | None:
    """The frames for out-of-distribution scores; None where there is none, and why is logged."""
    frames = ood_frames(run, tuple(result.metrics))
    if isinstance(frames, str):
        shown.done(1, "no out-of-distribution score")
        _LOG.warning(f"{run.directory}: the bundle gives no out-of-distribution score: {frames}")
        return None
    return frames


def _verify(folder: Path, out: Path) -> None:
    """Check that the bundle on the disk passes `auxdrive verify`."""
    failed = [check for check in verify_bundle(folder).checks if not check.passed]
    if failed:
        reasons = "; ".join(
            f"{check.name}: {check.detail}{_measured(check.value, check.limit, check.unit)}"
            for check in failed
        )
        raise CheckFailed(
            f"the bundle does not pass `auxdrive verify` and was not written to {out}: {reasons}. "
            "A run that has hardly trained may fail like this: train longer"
        )


def _measured(value: float | None, limit: float | None, unit: str) -> str:
    return (
        "" if value is None or limit is None else f" {value:.4g} {unit}, limit {limit:.4g} {unit}"
    )


def _checked_name(name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > MAX_NAME:
        raise UsageError(
            f"the bundle's name must be 1 to {MAX_NAME} printable characters, got {name!r}; give "
            "another --name"
        )
    return name


def _refuse_existing(out: Path) -> None:
    if os.path.lexists(out):
        raise UsageError(
            f"{out} exists already; a bundle is never changed: remove it, or choose another --out"
        )


@contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """An empty directory beside `out`, renamed to `out` at the end; on an error it is removed."""
    try:
        with published_folder(out) as folder:
            yield folder
            _refuse_existing(out)
    except OSError as error:
        raise DataError(
            f"cannot write the bundle {out}: {error.strerror or error}. Nothing was left behind"
        ) from error
