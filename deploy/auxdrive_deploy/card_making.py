"""The card of an exported graph, and the parity that it states."""

from __future__ import annotations

from auxdrive.bundles import MODEL_NAME, OOD_OUTPUT, image_inputs
from auxdrive.cards import ModelCard, ParitySpec, TensorSpec
from auxdrive.checks.parity import compare
from auxdrive.errors import CheckFailed
from auxdrive.runs import RunResult
from auxdrive.tasks.base import TaskSpec
from auxdrive.types import Float32
from auxdrive_train.engine.load import Run

from auxdrive_deploy.metrics import StudentMetrics, floor_of
from auxdrive_deploy.ood.measuring import Ood
from auxdrive_deploy.provenance import provenance_of
from auxdrive_deploy.reference import Reference
from auxdrive_deploy.student_parity import run_graph


def make_card(
    run: Run,
    name: str,
    result: RunResult,
    metrics: StudentMetrics,
    reference: Reference,
    model: bytes,
    ood: Ood | None = None,
) -> ModelCard:
    """The card of an exported graph, with its parity measured in ONNX Runtime. Its `files` names
    only the graph so far.

    Args:
        run: the run.
        name: the model's name.
        result: what the run measured.
        metrics: the student's metrics.
        reference: the reference frames.
        model: the graph's bytes.
        ood: the out-of-distribution score that the graph gives; None for none.

    Raises:
        CheckFailed: graph and student differ by more than the limit, or graph and negative control
            do not.
    """
    inputs = inputs_of(run)
    outputs = (run.task.output,) if ood is None else (run.task.output, OOD_OUTPUT)
    given = run_graph(model, inputs, outputs, reference.images, reference.ego)
    return ModelCard(
        name=name,
        task=run.task.name,
        inputs=inputs,
        outputs=outputs,
        camera=run.card.needed_camera,
        history=run.config.history,
        preprocessing=run.config.preprocessing,
        steering=run.card.steering,
        vehicle=run.card.vehicle,
        rate_hz=run.card.rate_hz,
        waypoint_times_s=run.task.times_s,
        class_names=run.task.class_names,
        input_ranges=run.input_ranges,
        training=provenance_of(run, result),
        parity=_parity(run.task.spec, given[run.task.output.name], reference),
        ood=None if ood is None else ood.spec,
        metrics=metrics.intervals,
        floor=floor_of(result, metrics.intervals),
        files={MODEL_NAME: "0" * 64},
    )


def inputs_of(run: Run) -> tuple[TensorSpec, ...]:
    """What the graph takes: the camera's images, then the task's ego inputs."""
    camera = run.card.needed_camera
    images = (
        TensorSpec(
            name=name,
            shape=("batch", camera.height, camera.width, 3),
            dtype="uint8",
            unit="intensity",
            frame="camera, RGB",
        )
        for name in image_inputs(run.config.history.frames)
    )
    return (*images, *run.task.ego.specs)


def _parity(task: TaskSpec, predictions: Float32, reference: Reference) -> ParitySpec:
    limit, unit = task.parity_limit, task.parity_unit
    measured, negative_control = (
        compare(task.name, predictions, reference.outputs),
        compare(task.name, predictions, reference.negative_control),
    )
    if not measured.worst <= limit:
        raise CheckFailed(
            f"the exported graph is not the student: on {measured.frames} recorded frames ONNX "
            "Runtime and torch differ by up to "
            f"{measured.worst:.3g} {unit}, the limit is {limit:g} {unit}. No bundle was written; "
            "please report this with the run"
        )
    if not limit < negative_control.worst < float("inf"):
        raise CheckFailed(
            "the negative control does not fail: weights of another seed differ by "
            f"{negative_control.worst:.3g} {unit}, and {limit:g} {unit} must "
            "be exceeded, or parity proves nothing. No bundle was written; has this run learned "
            "anything?"
        )
    return ParitySpec(
        frames=measured.frames,
        limit=limit,
        unit=unit,
        measured=measured.worst,
        negative_control=negative_control.worst,
    )
