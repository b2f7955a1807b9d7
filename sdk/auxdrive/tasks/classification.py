"""Classification: which of several classes a frame is of, as a probability of each. Legend: N
frames, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from auxdrive.cards import ModelCard
from auxdrive.output_form import OutputForm
from auxdrive.steering import SteeringSpec
from auxdrive.tasks.base import Drawing, OutputLimit, TaskSpec
from auxdrive.types import Float32, Float64, Prediction

LEAST_CLASSES = 2


class Classification(TaskSpec):
    """The task "classification": K probabilities that add up to 1, in the order of the card's
    `class_names`.
    """

    name = "classification"
    predicts = "which class it is"
    output_name = "class_probabilities"
    output_unit = "probability"
    axes = ("K",)
    parity_unit = "percentage points"
    # As for steering: right exports differ by 1e-5 percentage points, and wrong preprocessing makes
    # more than 1.
    parity_limit = 0.1
    precision_limits = (20.0, 2.0)

    def shape(self, form: OutputForm) -> tuple[int, ...]:
        """(K,)."""
        return (len(form.class_names),)

    def form_mistakes(self, form: OutputForm) -> Iterator[str]:
        """What is wrong with the classes: there must be two or more."""
        yield from super().form_mistakes(replace(form, class_names=()))
        if len(form.class_names) < LEAST_CLASSES:
            yield f"class_names: need {LEAST_CLASSES} or more, got {len(form.class_names)}"

    def apart(self, difference: Float64) -> Float64:
        """Differences of the probabilities in percentage points, (N, K) to (N, K)."""
        return 100.0 * np.abs(difference)

    def limit(self, steering: SteeringSpec) -> OutputLimit:
        """A probability is at most 1, but for rounding."""
        del steering
        return OutputLimit(1.01, "of certainty", "largest probability")

    def size(self, row: Sequence[Any], form: OutputForm) -> float:
        """The largest probability; infinite where one is not finite or below zero.

        Args:
            row: (K,).
            form: the classes.
        """
        del form
        possible = all(-0.01 <= value < math.inf for value in row)
        return float(max(row)) if possible else math.inf

    def text(self, prediction: Prediction) -> str:
        """The most probable class."""
        row, names = self.row(prediction), prediction.class_names
        best = int(row.argmax())
        return f"{names[best] if best < len(names) else f'class {best}'} {row[best]:.0%}"

    def cells(self, prediction: Prediction) -> dict[str, float | None]:
        """A column for the probability of each class, by its name."""
        found = prediction.values.get(self.output_name)
        names = prediction.class_names
        if not names and found is not None:
            names = tuple(str(number) for number in range(len(found)))
        columns = [f"probability_{name}" for name in names]
        row = [None] * len(columns) if found is None else found.tolist()
        return dict(zip(columns, row, strict=True))

    def drawing(self, row: Float32) -> Drawing:
        """The most probable class, by its number."""
        best = int(row.argmax())
        return Drawing(f"class {best}: {row[best]:.0%}")

    def describe(self, form: OutputForm) -> str:
        """What is predicted, with the classes."""
        return f"{self.predicts}, as the probability of each of {', '.join(form.class_names)}"

    def metrics_note(self, card: ModelCard) -> str:
        """What the metrics mean."""
        del card
        return (
            "`acc_top1`: share of frames whose most probable class is right; `acc_mean_class`: the "
            "mean over the classes of that share; `cross_entropy`: mean of -log of the right "
            "class's probability; `brier_score`: squared distance of the probabilities from the "
            "truth."
        )

    def example(self) -> Prediction:
        """The first of two classes, surely."""
        row = np.array([1.0, 0.0], np.float32)
        return Prediction(1.0, 0.0, class_names=("this", "other"), **self.fields(row))


CLASSIFICATION = Classification()
