"""The card of a bundle, `card.json`, and its parts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from auxdrive.cards.measured import Interval, OodSpec, ParitySpec, PrecisionSpec
from auxdrive.cards.parts import (
    CameraSpec,
    Card,
    ClassNames,
    HistorySpec,
    Pixels,
    Positive,
    Rate,
    VehicleSpec,
    without_history,
)
from auxdrive.modalities import Modality
from auxdrive.output_form import OutputForm
from auxdrive.precisions import FP32, MODEL_FILES
from auxdrive.steering import SteeringSpec
from auxdrive.strict import without_empty
from auxdrive.tasks import TASKS

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _known_task(name: str) -> str:
    if name not in TASKS:
        raise ValueError(TASKS.unknown(name))
    return name


TaskName = Annotated[str, AfterValidator(_known_task)]
"""A name in `auxdrive.tasks.TASKS`."""


class TensorSpec(Card):
    """One input or output of the graph.

    Attributes:
        name: of the tensor in the graph.
        shape: its axes, each a number or the name of a free axis ("batch").
        dtype: of its numbers.
        unit: of its numbers.
        frame: the coordinate frame that they are in; empty where there is none.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: Literal["uint8", "float32", "int64"]
    unit: str
    frame: str = ""


class PreprocessingSpec(Card):
    """What the graph does to the camera's image, in this order: crop, resize, normalise.

    Attributes:
        crop_top: rows cut off at the top, as a share of the height.
        crop_bottom: rows cut off at the bottom, as a share of the height.
        size: height and width of the network's input, in pixels.
        mean: subtracted from red, green and blue in 0..1.
        std: by which they are then divided.
    """

    crop_top: float = Field(
        default=0.0, ge=0, lt=1, description="rows cut off at the top, as a share of the height"
    )
    crop_bottom: float = Field(
        default=0.0, ge=0, lt=1, description="rows cut off at the bottom, as a share of the height"
    )
    size: tuple[Pixels, Pixels] = Field(
        description="height and width of the network's input, in pixels"
    )
    mean: tuple[float, float, float] = Field(
        default=(0.5, 0.5, 0.5), description="taken off red, green and blue in 0..1"
    )
    std: tuple[Positive, Positive, Positive] = Field(
        default=(0.25, 0.25, 0.25), description="what they are then divided by"
    )

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.crop_top + self.crop_bottom >= 1:
            raise ValueError(
                f"crop_top {self.crop_top} and crop_bottom {self.crop_bottom} leave no row of the "
                "image"
            )
        return self


class InputRange(Card):
    """The range of an ego input in training.

    Attributes:
        low: the least value of each of its columns.
        high: the largest value of each of its columns.
    """

    low: tuple[float, ...] = Field(min_length=1, max_length=64)
    high: tuple[float, ...] = Field(min_length=1, max_length=64)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if len(self.low) != len(self.high) or any(
            low > high for low, high in zip(self.low, self.high, strict=True)
        ):
            raise ValueError(f"low {list(self.low)} and high {list(self.high)} are no range")
        return self


def _lower_precision(name: str) -> str:
    if name == FP32 or name not in MODEL_FILES:
        others = ", ".join(each for each in MODEL_FILES if each != FP32)
        raise ValueError(f"'{name[:60]}' is none of {others}")
    return name


PrecisionName = Annotated[str, AfterValidator(_lower_precision)]
"""A name in `auxdrive.precisions.PRECISIONS` other than fp32."""


class Provenance(Card):
    """Where the weights come from.

    Attributes:
        method: the training method.
        backbone: the network's image encoder.
        auxiliaries: the modalities beside RGB that took part in training.
        role: which network of the method this is.
        dataset_sha256: the fingerprint of the data that trained it (`Dataset.fingerprint`).
        commit: of the code; empty where it is not known.
        seed: of the training.
        epochs: that it was trained for.
        auxdrive_version: that trained it.
        measured_on: of each split that it was measured on, what the split is and how far in time it
            lies from the training data.
        config_sha256: of the settings that decide the weights
            (`auxdrive.runs.NOT_IN_FINGERPRINT` names the others). None where it is not known, as
            are the next three in older cards.
        weights_sha256: of the student's weights: over name, type, shape and bytes of each tensor.
        trained_with: the same of the run's other networks by their role, such as the teacher;
            empty where the student was trained alone.
        init_from_sha256: of the checkpoint that the run started from; None also where it started
            from fresh weights.
        fine_tuned_for: the precision that the student was fine-tuned for: it was trained as its
            graph in that precision computes. None, and not in the file, where it was not.
    """

    method: str
    backbone: str
    auxiliaries: tuple[Modality, ...] = ()
    role: Literal["student", "teacher"] = "student"
    dataset: str = ""
    dataset_sha256: Sha256
    commit: str = ""
    seed: int
    epochs: int = 0
    auxdrive_version: str
    measured_on: dict[str, str] = Field(default={})
    config_sha256: Sha256 | None = None
    weights_sha256: Sha256 | None = None
    trained_with: dict[str, Sha256] | None = None
    init_from_sha256: Sha256 | None = None
    fine_tuned_for: PrecisionName | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_empty(handler(self), "fine_tuned_for")


class ModelCard(Card):
    """`card.json` of a bundle: what the model takes and gives, where it comes from, and how good it
    is.

    Attributes:
        format: the version of the file format.
        name: of the model.
        task: what it predicts, a name in `auxdrive.tasks.TASKS`.
        inputs: of the graph.
        outputs: of the graph.
        camera: the camera that it was trained with.
        history: which earlier images of the camera it takes beside the current one. Not in the file
            where it takes that one alone.
        preprocessing: what the graph does to an image first.
        steering: the steering limits that it was trained with.
        vehicle: the vehicle that it was trained on.
        rate_hz: frames per second of its training data.
        waypoint_times_s: seconds after the image for each waypoint; empty for other tasks.
        class_names: of the classes that a model of the task classification tells apart. Not in the
            file where there are none.
        input_ranges: the range of every ego input (`auxdrive.ego`) in the training samples. Null in
            bundles that were written before it existed; the predictor then flags only values that
            no road vehicle can have.
        training: where the weights come from.
        parity: how the graph is compared with the trained student.
        precisions: the further precisions that the bundle holds, by name.
        ood: of the out-of-distribution score of the graph in float32; null where the graphs give
            none.
        metrics: the student's, by '<split>/<metric>'.
        floor: the same metrics of predictions that need no network, by their kind (`constant`,
            `ego`, `neighbours`). A student that does not beat them has learned nothing of use.
        latency: measured times of a call; empty where none were measured.
        files: the SHA-256 of every other file of the bundle, by its relative path.

    Examples:
        >>> from auxdrive import Bundle
        >>> card = Bundle.open("bundle").card
        >>> card.task, [each.name for each in card.inputs]
        ('waypoints', ['image', 'speed_mps', 'target_ego_m'])
    """

    format: Literal["auxdrive-bundle-1"] = "auxdrive-bundle-1"
    name: str
    task: TaskName
    inputs: tuple[TensorSpec, ...] = Field(min_length=1)
    outputs: tuple[TensorSpec, ...] = Field(min_length=1)
    camera: CameraSpec
    history: HistorySpec = HistorySpec()
    preprocessing: PreprocessingSpec
    steering: SteeringSpec
    vehicle: VehicleSpec = VehicleSpec()
    rate_hz: Rate
    waypoint_times_s: tuple[float, ...] = ()
    class_names: ClassNames = ()
    input_ranges: dict[str, InputRange] | None = None
    training: Provenance
    parity: ParitySpec
    precisions: dict[PrecisionName, PrecisionSpec] = Field(default={})
    ood: OodSpec | None = None
    metrics: dict[str, Interval] = Field(default={})
    floor: dict[str, dict[str, float]] = Field(default={})
    latency: dict[str, Interval] = Field(default={})
    files: dict[str, Sha256] = Field(min_length=1)

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written = without_history(handler(self), self.history)
        return without_empty(written, "class_names")

    @property
    def form(self) -> OutputForm:
        """What the card says of its task's output."""
        return OutputForm(self.waypoint_times_s, self.class_names)

    def ood_of(self, precision: str) -> OodSpec | None:
        """What is said of the out-of-distribution score of the graph in a precision that the bundle
        holds; None where its graphs give none.
        """
        return self.ood if precision == FP32 else self.precisions[precision].ood
