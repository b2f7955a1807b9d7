"""mfeat: SAMD's Tables 2 and 6 (Auxiliary Modality Learning), on UCI Multiple Features. Each of the
six views is the main modality in turn, the five others are its auxiliaries.

The paper's level (65.2 for the best other distillation, 70.3 for SAMD) lies far below what logistic
regression reaches on all data (71 to 98 by view), so its regime is not known. Here: few labels a
class, and all of them. Everything was fixed before; the test part chose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxdrive_train.reproduce.base import Reproduction, Workshop, percent
from auxdrive_train.reproduce.findings import Claim, Figure, Findings, above, differences, figure
from auxdrive_train.reproduce.mfeat_files import DIGITS, OF_EACH, VIEWS, read_views
from auxdrive_train.reproduce.vector_sets import Rows, write_rows

PAPER_OTHER = {"fac": 84.9, "pix": 63.0, "kar": 68.8, "fou": 61.1, "zer": 70.4, "mor": 43.2}
PAPER_SAMD = {"fac": 89.4, "pix": 65.2, "kar": 72.8, "fou": 69.5, "zer": 73.2, "mor": 51.8}
VALIDATED = 10
ALL = OF_EACH // 2 - VALIDATED
"""Labels a class that are all: half of the data is tested, and 10 of a class are looked at."""
ALONE, SAMD = "alone", "samd"
OTHERS = ("kd", "hint", "similarity", "correlation", "rkd", "pkt", "vid")
"""Losses of plain distillation from a teacher that sees all views: those that vectors have."""
AMOUNTS: dict[str, tuple[tuple[int, ...], int, tuple[str, ...]]] = {
    "quick": ((10,), 3, ("kd", "rkd")),
    "standard": ((5, 10, 20), 5, ("kd", "hint", "rkd", "vid")),
    "full": ((5, 10, 20, ALL), 10, OTHERS),
}
"""By budget: labels a class, splits, and the other distillations."""
SETTINGS: dict[str, Any] = {
    "task": "classification",
    "hidden": [100],
    "dropout": 0.0,
    "augment": {"mirror": 0.0},
    "batch_size": 32,
    "epochs": 40,
    "lr": 0.002,
    "choose": "last",
    "evaluate": ["test"],
}


class MFeat(Reproduction):
    """A view learns more from the five others by SAMD than by other distillations."""

    name = "mfeat"
    title = "SAMD, Tables 2 and 6: UCI Multiple Features"
    takes = "UCI's folder, or mfeat.npz"

    def find(self, workshop: Workshop) -> Findings:
        """By labels a class: each view alone, by SAMD, and by other distillations.

        Args:
            workshop: where that is done; its data are the files.
        """
        amounts, splits, others = AMOUNTS[workshop.budget]
        views, digits = read_views(workshop.data)
        wanted: dict[str, Mapping[str, Any]] = {}
        for amount in amounts:
            for split in range(splits):
                name = f"{amount}-{split}"
                data = write_rows(
                    workshop.folder / "data" / name,
                    divided(Rows(views, digits), amount, split),
                    [str(digit) for digit in range(DIGITS)],
                )
                for view in VIEWS:
                    for method, own in _methods(view, others):
                        wanted[f"{name}-{view}-{method}"] = {
                            **SETTINGS, **own, "data": str(data), "seed": split,
                            "main": f"vector_{view}",
                        }  # fmt: skip
        results = workshop.results(wanted)
        figures: list[Figure] = []
        claims: list[Claim] = []
        for amount in amounts:
            table = {
                method: {
                    view: [
                        percent(results[f"{amount}-{split}-{view}-{method}"], "student")
                        for split in range(splits)
                    ]
                    for view in VIEWS
                }
                for method in (ALONE, SAMD, *others)
            }
            figures += _figures(amount, table)
            claims += _claims(amount, table, others)
        return self.found(
            workshop,
            SETTINGS,
            figures=tuple(figures),
            claims=tuple(claims),
            notes=(
                "the paper does not say how many labels it trains on; its figures stand beside "
                "each regime, and agree with none",
                f"plain distillations: {', '.join(others)}; the best is the one with the highest "
                "mean over views and splits on the test part, which favours it",
            ),
        )


def _methods(view: str, others: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    auxiliaries = [f"vector_{other}" for other in VIEWS if other != view]
    yield ALONE, {"method": "baseline"}
    yield SAMD, {"method": "samd", "aux": auxiliaries}
    for loss in others:
        yield loss, {"method": "kd", "aux": auxiliaries, "options": {"loss": loss}}


def divided(rows: Rows, amount: int, split: int) -> dict[str, Rows]:
    """Samples by split: so many of each digit to train, 10 to look at, half of all to test.

    Args:
        rows: all samples.
        amount: how many of each digit are trained on; there are `ALL`.
        split: seed of the division.
    """
    rng = np.random.default_rng([split])
    parts: dict[str, list[NDArray[np.int64]]] = {"train": [], "val": [], "test": []}
    half = OF_EACH // 2
    for digit in range(DIGITS):
        own = rng.permutation(np.flatnonzero(rows.class_id == digit))
        parts["test"].append(own[:half])
        parts["val"].append(own[half : half + VALIDATED])
        parts["train"].append(own[half + VALIDATED : half + VALIDATED + amount])
    return {name: rows.part(rng.permutation(np.concatenate(each))) for name, each in parts.items()}


Table = Mapping[str, Mapping[str, list[float]]]


def _means(table: Mapping[str, list[float]]) -> list[float]:
    """The mean over the views, of each split."""
    return [float(mean) for mean in np.mean(list(table.values()), axis=0)]


def _best(table: Table, others: tuple[str, ...]) -> str:
    return max(others, key=lambda loss: float(np.mean(_means(table[loss]))))


def _named(amount: int) -> str:
    return "all labels" if amount >= ALL else f"{amount} labels a digit"


def _figures(amount: int, table: Table) -> list[Figure]:
    made = []
    for method, by_view in table.items():
        paper = PAPER_SAMD if method == SAMD else {}
        for view, values in by_view.items():
            made.append(figure(f"{_named(amount)}: {view}, {method}", paper.get(view), values))
        mean = 70.3 if method == SAMD else None
        made.append(figure(f"{_named(amount)}: mean of six, {method}", mean, _means(by_view)))
    return made


def _claims(amount: int, table: Table, others: tuple[str, ...]) -> list[Claim]:
    best = _best(table, others)

    def gains(over: str) -> list[float]:
        return differences(_means(table[SAMD]), _means(table[over]))

    return [
        above(f"{_named(amount)}: SAMD is above training alone", "not given", gains(ALONE)),
        above(
            f"{_named(amount)}: SAMD is above the best other distillation ({best})",
            "+5.1 points",
            gains(best),
        ),
    ]
