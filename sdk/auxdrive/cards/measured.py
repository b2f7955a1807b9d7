"""What was measured of a bundle's graphs, as its card says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from auxdrive.cards.parts import Card, Positive

Share = Annotated[float, Field(ge=0, le=1)]


class Interval(Card):
    """A measured value.

    Attributes:
        value: the measured value.
        low: lower end of its 95 % interval; None where none was computed.
        high: upper end of its 95 % interval; None where none was computed.
        unit: of all three.
    """

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""


class ParitySpec(Card):
    """How the exported graph is compared with the trained student, on the frames under
    `reference/`.

    The negative control shows that the comparison can fail: its outputs come from the same
    architecture with weights of another seed, and must differ by more than the limit.

    Attributes:
        frames: how many frames are compared.
        limit: how far the graph's predictions may be from the student's.
        unit: of `limit`, `measured` and `negative_control`.
        measured: how far they were at the export, at most.
        negative_control: how far the negative control was, at most.
    """

    frames: int = Field(gt=0, le=4096)
    limit: float = Field(gt=0)
    unit: str = Field(min_length=1, max_length=100)
    measured: float = Field(ge=0)
    negative_control: float = Field(ge=0)


class PrecisionGate(Card):
    """What a graph in a lower precision had to keep to, and what was measured.

    Attributes:
        name: what was measured.
        value: that was measured.
        limit: that it must not exceed.
        unit: of both.
        samples: how many frames or routes it was measured on.
    """

    name: str = Field(min_length=1, max_length=100)
    value: float
    limit: float
    unit: str = Field(default="", max_length=100)
    samples: int = Field(ge=0)

    @property
    def passed(self) -> bool:
        """Whether the value is within the limit."""
        return self.value <= self.limit


class OodSpec(Card):
    """The out-of-distribution score that the graph gives beside the prediction, and from where on a
    frame is flagged.

    Attributes:
        method: how the score is computed.
        threshold: frames of a larger score are flagged.
        false_alarms: the share of the held-out frames that exceed the threshold, by its choice.
        fitted_on: frames of the training part that the score was fitted to.
        held_out: frames of the validation part that gave the threshold.
        shrinkage: the share of the covariance that was replaced by the identity matrix.
        flagged: the share of flagged frames on further splits, by their names.
        auroc: the area under the ROC curve between held-out frames and the same frames with a
            camera's fault, by the fault. 0.5 says that the score does not notice it, 1 that every
            faulty frame has a larger score than every other.
    """

    method: str = Field(min_length=1, max_length=1000)
    threshold: Positive
    false_alarms: float = Field(gt=0, lt=1)
    fitted_on: int = Field(gt=0)
    held_out: int = Field(gt=0)
    shrinkage: float = Field(ge=0, le=1)
    flagged: dict[str, Share] = Field(default={})
    auroc: dict[str, Share] = Field(default={})


class PrecisionSpec(Card):
    """A further precision of a bundle, which passed its gates at the export.

    Attributes:
        file: that holds the graph.
        method: how it was made.
        calibration_frames: recorded frames of the training part that gave the ranges of its maps; 0
            where none are needed.
        float_layers: heavy layers that were left in float32 so that the gates are passed, by the
            names of their outputs in the graph.
        gates: against the graph in float32, on frames that took part in neither training nor
            calibration.
        parity: as the card's, for this graph: compared with the trained student, with a limit of
            its own.
        ood: of the out-of-distribution score of this graph, which is fitted to its own features;
            null where the graphs give none.
    """

    file: str
    method: str = Field(min_length=1, max_length=1000)
    calibration_frames: int = Field(ge=0)
    float_layers: tuple[str, ...] = Field(default=(), max_length=1000)
    gates: tuple[PrecisionGate, ...] = Field(min_length=1, max_length=20)
    parity: ParitySpec
    ood: OodSpec | None = None
