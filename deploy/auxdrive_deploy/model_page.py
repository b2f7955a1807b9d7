"""The card for people: a bundle's `README.md`, made only from the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auxdrive.bundles import ego_of
from auxdrive.cards import Interval, ModelCard, OodSpec, PrecisionSpec, TensorSpec
from auxdrive.ego import EGO_INPUTS
from auxdrive.inspection.metric_tables import (
    rounded,
    sentence_on_thresholds,
    thresholds_that_say_nothing,
)
from auxdrive.precisions import FP32
from auxdrive.tasks import TASKS

from auxdrive_deploy.reference_plot import PLOT_NAME


def readme(card: ModelCard, notes: Sequence[str]) -> str:
    """The text of README.md.

    Args:
        card: the bundle's card.
        notes: how the metrics were computed, a sentence each.
    """
    return "\n".join(
        (
            *_head(card),
            *_interface(card),
            *_use(card),
            *_training(card),
            *_metrics(card, notes),
            *_parity(card),
            *_precisions(card),
            *_ood(card),
            *_limits(card),
        )
    )


def _head(card: ModelCard) -> list[str]:
    what = TASKS[card.task].describe(card.form)
    frames = card.history.frames
    needs = [
        "one RGB camera image" if frames == 1 else f"{frames} RGB camera images",
        *ego_of(card).names,
    ]
    return [
        f"# {card.name}", "",
        f"A driving student of auxdrive: predicts {what} from {' + '.join(needs)}. "
        "Nothing else goes in.", "",
        f"![Reference images and the student's predictions]({PLOT_NAME})", "",
        "Recorded images under `reference/`, and below each what the student predicts from it "
        "beside what was recorded; paths are seen from above, the car at 0.", "",
    ]  # fmt: skip


def _interface(card: ModelCard) -> list[str]:
    camera, prep = card.camera, card.preprocessing
    rows = [("in", spec) for spec in card.inputs] + [("out", spec) for spec in card.outputs]
    field = (
        "of unknown field of view"
        if camera.fov_deg is None
        else f"with a horizontal field of view of {camera.fov_deg:g} degrees"
    )
    place = (
        f"x {camera.x_m:g} m, y {camera.y_m:g} m, z {camera.z_m:g} m, pitch {camera.pitch_rad:g} "
        "rad"
    )
    return [
        "## Inputs and outputs", "",
        "| | name | type and shape | unit | frame |", "| --- | --- | --- | --- | --- |",
        *(
            f"| {kind} | `{spec.name}` | {spec.dtype} {_shape(spec)} | {spec.unit} "
            f"| {spec.frame or '-'} |"
            for kind, spec in rows
        ), "",
        f"Camera: {camera.width} x {camera.height} pixels, {field}, at {place} in the ego frame (x "
        "forward, y left, z up; ISO 8855).",
        f"The graph itself cuts {prep.crop_top:.0%} off the top and {prep.crop_bottom:.0%} off the "
        "bottom, resizes to "
        f"{prep.size[1]} x {prep.size[0]} and normalises: give the image as the camera delivers "
        "it.",
        *_history(card),
        *_ranges(card),
        f"Trained at {card.rate_hz:g} frames per second for the vehicle '{card.vehicle.name}'"
        + (
            "." if card.vehicle.wheelbase_m is None
            else f", wheelbase {card.vehicle.wheelbase_m:g} m."
        ),
        f"The maximum steering angle is {card.steering.max_road_wheel_deg:g} degrees at the road "
        "wheel; angles are positive to the left.", "",
    ]  # fmt: skip


def _history(card: ModelCard) -> list[str]:
    """A line on the earlier images, if the graph takes any."""
    history = card.history
    if history.frames == 1:
        return []
    return [
        f"`earlier_image_1` is the camera's image of {history.gap_s:g} s before, and so on: the "
        "newest frame that is old enough. `Predictor` remembers the images that it is given, and "
        "is given the current one alone."
    ]


def _ranges(card: ModelCard) -> list[str]:
    """A line on the ranges of the ego inputs in training, if there are any."""
    ranges = [
        ", ".join(
            f"`{name}`{axis and f' {axis}'} {low:.4g} to {high:.4g}"
            for axis, low, high in zip(EGO_INPUTS[name].axes, found.low, found.high, strict=True)
        )
        for name, found in (card.input_ranges or {}).items()
    ]
    return (
        [
            f"Seen in training: {', '.join(ranges)}; what lies well outside is flagged "
            "(`input_out_of_range`)."
        ]
        if ranges
        else []
    )


def _ood(card: ModelCard) -> list[str]:
    ood = card.ood
    if ood is None:
        return []
    flagged = [f"{share:.1%} of `{split}`" for split, share in ood.flagged.items()]
    others = {name: other for name, spec in card.precisions.items() if (other := spec.ood)}
    columns = {FP32: ood, **others} if others else {"area under the ROC curve": ood}
    heads = "".join(f" {name} |" for name in columns)
    return [
        "## Images unlike the training", "",
        f"Each prediction holds an `ood_score`: the {ood.method}. Fitted to {ood.fitted_on} frames "
        f"of the training part, it is about 1 for such frames. Above {ood.threshold:.4g} a "
        f"prediction is flagged `out_of_distribution`, as {ood.false_alarms:.0%} of "
        f"{ood.held_out} held-out frames are"
        + (f" ({', '.join(flagged)})." if flagged else "."), "",
        *_ood_in(others),
        f"| fault of the camera |{heads}", f"| --- |{' --- |' * len(columns)}",
        *(
            f"| {fault} |" + "".join(f" {each.auroc[fault]:.3f} |" for each in columns.values())
            for fault in ood.auroc
        ), "",
        "0.5: not noticed; 1: every faulty frame scores above every other. A frame that is not "
        "flagged may still be predicted wrongly.", "",
    ]  # fmt: skip


def _ood_in(others: Mapping[str, OodSpec]) -> list[str]:
    """Lines on the scores of further precisions, and on the table below them."""
    if not others:
        return []
    thresholds = ", ".join(f"`{name}` {ood.threshold:.4g}" for name, ood in others.items())
    return [
        "Each precision has a score of its own, fitted to its own features; thresholds: "
        f"{thresholds}. Areas under the ROC curve:", "",
    ]  # fmt: skip


def _use(card: ModelCard) -> list[str]:
    extra = "".join(f", {each.name}={each.value(each.example)}" for each in ego_of(card).inputs)
    field = TASKS[card.task].field
    return [
        "## Run it", "",
        "```python",
        "from auxdrive.predictor import Predictor",
        "from auxdrive.types import Observation", "",
        "with Predictor.load(\"this/directory\") as predictor:",
        f"    prediction = predictor.predict(Observation(image=frame, time_s=now{extra}))",
        "    # frame: uint8 (H, W, 3), red, green, blue; OpenCV's images are BGR: give "
        "frame[..., ::-1]",
        f"    print(prediction.{field}, prediction.latency_ms, prediction.flags)",
        "```", "",
        "`auxdrive verify this/directory` repeats the checks on your machine.", "",
    ]  # fmt: skip


def _training(card: ModelCard) -> list[str]:
    made = card.training
    helped = ", ".join(made.auxiliaries) or "none"
    return [
        "## Training", "",
        f"Method `{made.method}`, backbone `{made.backbone}`, auxiliary modalities: {helped} (in "
        "training only).",
        f"Seed {made.seed}, {made.epochs} epochs over all phases, auxdrive {made.auxdrive_version}"
        + (f", commit `{made.commit}`." if made.commit else ", from no known commit."),
        f"Data set '{made.dataset}', fingerprint `{made.dataset_sha256}`.",
        *(
            (f"It was fine-tuned for {made.fine_tuned_for}, from another run's weights.",)
            if made.fine_tuned_for else ()
        ), "",
    ]  # fmt: skip


def _metrics(card: ModelCard, notes: Sequence[str]) -> list[str]:
    rows = []
    for name, value in card.metrics.items():
        floor = "".join(f" {rounded(metrics.get(name))} |" for metrics in card.floor.values())
        rows.append(
            f"| {name} | {value.value:.4g} | {_bounds(value)} |{floor} {value.unit or '-'} |"
        )
    kinds = "".join(f" {kind} |" for kind in card.floor)
    return [
        "## Metrics", "",
        f"| split/metric | student | 95 % interval |{kinds} unit |",
        f"| --- | ---: | ---: |{' ---: |' * len(card.floor)} --- |", *rows, "",
        *(f"- `{split}` is {how}." for split, how in card.training.measured_on.items()),
        *(f"- {note}" for note in (*notes, *_of_floor(card))), "",
        f"{TASKS[card.task].metrics_note(card)} Frames are judged one by one on recorded drives."
        .strip(), "",
    ]  # fmt: skip


FLOOR = {
    "constant": "for each metric the constant that is best for it on the training samples",
    "ego": "a linear function of the inputs beside the image, which never looks at it",
    "neighbours": "the mean label of the five training samples whose image (12x32) and inputs "
    "are most alike",
}


def _of_floor(card: ModelCard) -> list[str]:
    """What the columns beside the student's mean, and which rows say nothing."""
    if not card.floor:
        return ["What a constant would reach was not recorded."] if card.metrics else []
    notes = [
        "What needs no network: "
        + "; ".join(f"`{kind}`, {FLOOR.get(kind, 'see the run')}" for kind in card.floor)
        + "."
    ]
    empty = thresholds_that_say_nothing(card.floor)
    return (
        [
            *notes,
            sentence_on_thresholds(empty)[:1].upper() + sentence_on_thresholds(empty)[1:] + ".",
        ]
        if empty
        else notes
    )


def _parity(card: ModelCard) -> list[str]:
    parity = card.parity
    return [
        "## Parity of the export", "",
        f"On {parity.frames} recorded frames ONNX Runtime and torch differ by at most "
        f"{parity.measured:.2g} {parity.unit} "
        f"(limit {parity.limit:g} {parity.unit}). The same architecture, untrained and of another "
        f"seed, differs by {parity.negative_control:.3g} "
        f"{parity.unit} and is refused by the same check: it can fail.", "",
    ]  # fmt: skip


def _precisions(card: ModelCard) -> list[str]:
    if not card.precisions:
        return []
    rows = [
        f"| {name} | {gate.name} | {gate.value:.3g} | {gate.limit:g} | {gate.unit or '-'} "
        f"| {gate.samples} |"
        for name, spec in card.precisions.items()
        for gate in spec.gates
    ]
    return [
        "## Other precisions", "",
        *(f"- `{name}` ({spec.file}): {_how(spec)}" for name, spec in card.precisions.items()), "",
        "Against float32, on frames that took part in neither training nor calibration:", "",
        "| precision | what | measured | limit | unit | samples |",
        "| --- | --- | ---: | ---: | --- | ---: |", *rows, "",
        f"`Predictor.load(..., precision=\"{next(iter(card.precisions))}\")` runs one.", "",
    ]  # fmt: skip


def _how(spec: PrecisionSpec) -> str:
    """How a precision was made, in a sentence."""
    calibrated = (
        f", calibrated on {spec.calibration_frames} frames" if spec.calibration_frames else ""
    )
    kept = f"; left in float32: {', '.join(spec.float_layers)}" if spec.float_layers else ""
    return f"{spec.method}{calibrated}{kept}."


def _limits(card: ModelCard) -> list[str]:
    return [
        "## Limits, and what was not tested", "",
        "- Open loop alone: nothing here says how a car drives with it. Measure that with "
        "`auxdrive drive`.",
        "- Other cameras, mountings, vehicles, weather or places than those of the data set were "
        "not tested.",
        "- No latency was measured, and no runtime but ONNX Runtime on a CPU was compared with "
        "torch.",
        "- It is no safety function: it does not know when it is wrong. Predictions that are not "
        "finite are withheld and flagged.",
        *([] if card.metrics else ["- No metrics were recorded for this student."]), "",
    ]  # fmt: skip


def _shape(spec: TensorSpec) -> str:
    return "(" + ", ".join(str(axis) for axis in spec.shape) + ")"


def _bounds(value: Interval) -> str:
    return (
        "-" if value.low is None or value.high is None else f"{value.low:.4g} to {value.high:.4g}"
    )
