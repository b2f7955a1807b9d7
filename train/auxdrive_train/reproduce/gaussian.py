"""Synthetic Gaussian data of two modalities (Modality Focusing Hypothesis, Xue et al. 2023, B.2),
and what is trained on them.

x* ~ N(0, I_d) decides: y = 1 where <delta, x*> > 0, with delta ~ N(0, I_d). Modality a is N(0, I)
but for the components J_a of x*, modality b likewise for J_b. gamma is the share of |J_a and J_b|
in |J_a or J_b|, alpha that of J_a alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxdrive_train.reproduce.vector_sets import Rows, write_rows

TRAINED, TESTED, VALIDATED = 200, 1000, 200
REPEATS = {"quick": 5, "standard": 10, "full": 100}
PAPER_RUNS = 10
CLASSES = ("below", "above")
SETTINGS: dict[str, Any] = {
    "task": "classification",
    "main": "vector_b",
    "hidden": [],
    "dropout": 0.0,
    "augment": {"mirror": 0.0},
    "batch_size": TRAINED,
    "epochs": 100,
    "lr": 0.05,
    "lr_final": 0.1,
    "weight_decay": 0.0,
    "clip_norm": 0.0,
    "choose": "last",
    "evaluate": ["test"],
}
"""Logistic regression, trained until it stands: 100 steps of Adam on all samples (300 steps with a
fifth of the rate give the same accuracies within 0.2 points).
"""


@dataclass(frozen=True)
class Design:
    """How many decisive components each modality has.

    Attributes:
        shared: |J_a and J_b|.
        only_a: of a alone.
        only_b: of b alone.
        width_a: d_1, all components of a.
        width_b: d_2.
    """

    shared: int
    only_a: int
    only_b: int
    width_a: int
    width_b: int

    @property
    def name(self) -> str:
        """Of its data and runs."""
        return f"{self.shared}-{self.only_a}-{self.only_b}"

    @property
    def gamma(self) -> float:
        """The share of the decisive components that both have."""
        return self.shared / (self.shared + self.only_a + self.only_b)

    @property
    def alpha(self) -> float:
        """The share of those that a alone has."""
        return self.only_a / (self.shared + self.only_a + self.only_b)


def drawn(design: Design, seed: int) -> dict[str, Rows]:
    """Samples by split. Beside the modalities "a" and "b" there is "general": the components that
    both have, of which a modality-general teacher is made.

    Args:
        design: the widths.
        seed: of the random numbers, delta's too.
    """
    rng = np.random.default_rng([seed, design.shared, design.only_a, design.only_b])
    decisive = design.shared + design.only_a + design.only_b
    delta = rng.normal(size=decisive)
    counts = {"train": TRAINED, "val": VALIDATED, "test": TESTED}
    return {split: _samples(design, delta, count, rng) for split, count in counts.items()}


def _samples(
    design: Design, delta: NDArray[np.float64], count: int, rng: np.random.Generator
) -> Rows:
    true = rng.normal(size=(count, len(delta)))
    shared, ends = true[:, : design.shared], design.shared + design.only_a
    a = rng.normal(size=(count, design.width_a))
    b = rng.normal(size=(count, design.width_b))
    a[:, :ends] = true[:, :ends]
    b[:, : design.shared] = shared
    b[:, design.shared : design.shared + design.only_b] = true[:, ends:]
    # a vector of no components cannot be stored: one that says nothing stands for it
    general = shared if design.shared else rng.normal(size=(count, 1))
    return Rows({"a": a, "b": b, "general": general}, (true @ delta > 0).astype(np.int64))


def runs_of(
    folder: Path, design: Design, seed: int, general: bool
) -> Mapping[str, Mapping[str, Any]]:
    """The settings of the runs on one drawing: b alone, taught by a, and, if that is wanted, taught
    by the components that both have.

    Args:
        folder: of the reproduction; the data are written into it.
        design: the widths.
        seed: of the drawing.
        general: whether there is a modality-general teacher.
    """
    name = f"{design.name}-{seed}"
    data = write_rows(folder / "data" / name, drawn(design, seed), CLASSES)
    common = {**SETTINGS, "data": str(data), "seed": seed}
    taught = {"method": "mfh", "options": {"teacher": "regular", "rho": 0.5, "temperature": 1.0}}
    runs = {
        f"{name}-alone": {**common, "method": "baseline"},
        f"{name}-regular": {**common, **taught, "aux": ["vector_a"]},
    }
    if general:
        runs[f"{name}-general"] = {**common, **taught, "aux": ["vector_general"]}
    return runs
