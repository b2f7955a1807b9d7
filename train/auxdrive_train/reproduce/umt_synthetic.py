"""umt-synthetic: Tables 20 and 21 of UMT/UME (Du et al. 2023, A.10), after Hessel and Lee 2020.

Unit vectors, seen through a random projection by each modality. A: one vector, of which both
modalities see an image; its side of a plane is the class. B: two vectors, whose scalar product is
above or below the threshold: neither modality alone tells. C: the class 0 as in A, 1 and 2 as in B.
The stored text lost its symbols; the sizes here are (d1, d2, d) = (200, 100, 50), 5,000 samples and
the threshold 0.25.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxdrive_train.reproduce.base import Reproduction, Workshop, percent
from auxdrive_train.reproduce.findings import Claim, Figure, Findings, above, below, figure
from auxdrive_train.reproduce.vector_sets import Rows, write_rows

Vectors = NDArray[np.float64]
WIDTHS, INNER, THRESHOLD, SAMPLES = (200, 100), 50, 0.25, 5_000
TRAINED, VALIDATED = 0.8, 0.04
REPEATS = {"quick": 2, "standard": 5, "full": 10}
PAPER = {"A": (100.0, 100.0, 100.0), "B": (51.4, 51.8, 92.0), "C": (70.9, 70.1, 94.4)}
SEEN = {"modality 1": "vector_one", "modality 2": "vector_two", "both": "vector_both"}
QUICK = {"optimizer": "adamw", "lr": 0.002, "batch_size": 200, "epochs": 40}
PAPERS = {"optimizer": "sgd", "lr": 0.2, "batch_size": round(TRAINED * SAMPLES), "epochs": 1500}
SETTINGS: dict[str, Any] = {
    "task": "classification",
    "method": "baseline",
    "dropout": 0.0,
    "augment": {"mirror": 0.0},
    "lr_final": 1.0,
    "warmup": 0.0,
    "weight_decay": 0.0,
    "clip_norm": 0.0,
    "choose": "last",
    "evaluate": ["test"],
}


class UMTSynthetic(Reproduction):
    """Uni-modal features can be learned from one modality, paired features from both alone."""

    name = "umt-synthetic"
    title = "UMT/UME, Tables 20 and 21: uni-modal and paired features"

    def find(self, workshop: Workshop) -> Findings:
        """Three data sets, each modality alone and both.

        Args:
            workshop: where that is done.
        """
        own = QUICK if workshop.budget == "quick" else PAPERS
        seeds = range(REPEATS[workshop.budget])
        wanted = {}
        for kind in PAPER:
            for seed in seeds:
                data = written(workshop.folder, kind, seed)
                for main in SEEN.values():
                    hidden = [200] if main == SEEN["both"] else [100]
                    wanted[f"{kind}-{seed}-{main}"] = {
                        **SETTINGS, **own, "data": str(data), "seed": seed, "main": main,
                        "hidden": hidden,
                    }  # fmt: skip
        results = workshop.results(wanted)
        found = {
            (kind, what): [percent(results[f"{kind}-{seed}-{main}"], "student") for seed in seeds]
            for kind in PAPER
            for what, main in SEEN.items()
        }
        figures: list[Figure] = [
            figure(f"{kind}: {what}", paper, found[kind, what], paper_runs=1)
            for kind, row in PAPER.items()
            for what, paper in zip(SEEN, row, strict=True)
        ]
        zero = [
            percent(results[f"C-{seed}-{SEEN['modality 1']}"], "student", metric="acc_class_0")
            for seed in seeds
        ]
        return self.found(
            workshop,
            SETTINGS | own,
            figures=(*figures, figure("C: class 0 by modality 1", 100.0, zero, paper_runs=1)),
            claims=tuple(_claims(found)),
            notes=(
                "two layers, 100 hidden units for one modality and 200 for both, which then are "
                "one vector of 300 numbers",
                *(
                    ["quick: Adam on batches of 200 in place of the paper's full-batch SGD of 0.2"]
                    if workshop.budget == "quick"
                    else []
                ),
            ),
        )


def _claims(found: dict[tuple[str, str], list[float]]) -> list[Claim]:
    one, two, both = SEEN
    claims = [
        above(f"A: {what} alone is enough (above 99)", "100", found["A", what], "%", 99.0)
        for what in (one, two)
    ]
    for what in (one, two):
        chance = [each - 50.0 for each in found["B", what]]
        claims.append(below(f"B: {what} alone tells nothing (within 5 of 50)", "51 to 52", chance,
                            most=5.0))  # fmt: skip
    for kind in ("B", "C"):
        gains = [
            b - max(a1, a2)
            for a1, a2, b in zip(found[kind, one], found[kind, two], found[kind, both], strict=True)
        ]
        paper = PAPER[kind][2] - max(PAPER[kind][:2])
        claims.append(above(f"{kind}: both tell more than either", f"{paper:+.1f} points", gains))
    return claims


def written(folder: Path, kind: str, seed: int) -> Path:
    """Write one of the data sets, unless it is there.

    Args:
        folder: of the reproduction.
        kind: A, B or C.
        seed: of the random numbers.

    Returns:
        Its folder.
    """
    rows, rng = drawn(kind, seed), np.random.default_rng([seed, 1])
    order = rng.permutation(len(rows))
    trained, validated = round(TRAINED * len(rows)), round(VALIDATED * len(rows))
    parts = {
        "train": rows.part(order[:trained]),
        "val": rows.part(order[trained : trained + validated]),
        "test": rows.part(order[trained + validated :]),
    }
    names = tuple(str(number) for number in range(int(rows.class_id.max()) + 1))
    return write_rows(folder / "data" / f"{kind}-{seed}", parts, names)


def drawn(kind: str, seed: int) -> Rows:
    """The samples of one of the data sets.

    Args:
        kind: A, B or C.
        seed: of the random numbers.
    """
    rng = np.random.default_rng([seed, "ABC".index(kind)])
    one, two, classes = {"A": _plane, "B": _paired, "C": _both_kinds}[kind](rng)
    projections = [rng.normal(size=(INNER, width)) for width in WIDTHS]
    seen = [each @ projection for each, projection in zip((one, two), projections, strict=True)]
    return Rows({"one": seen[0], "two": seen[1], "both": np.concatenate(seen, axis=1)}, classes)


def _unit(rng: np.random.Generator, count: int) -> Vectors:
    vectors: Vectors = rng.normal(size=(count, INNER))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _plane(rng: np.random.Generator) -> tuple[Vectors, Vectors, NDArray[np.int64]]:
    """One vector for both; its class is its side of a plane, from which it keeps away."""
    normal = _unit(rng, 1)[0]
    kept = _until(SAMPLES, lambda: _away(_unit(rng, SAMPLES), normal))
    return kept, kept, (kept @ normal > 0).astype(np.int64)


def _away(vectors: Vectors, normal: Vectors) -> Vectors:
    far: Vectors = vectors[np.abs(vectors @ normal) > THRESHOLD]
    return far


def _paired(rng: np.random.Generator) -> tuple[Vectors, Vectors, NDArray[np.int64]]:
    """Two vectors whose scalar product is far from zero; its sign is the class."""
    pairs = _until(SAMPLES, lambda: _related(_unit(rng, SAMPLES), _unit(rng, SAMPLES)))
    one, two = pairs[:, 0], pairs[:, 1]
    return one, two, ((one * two).sum(axis=1) > 0).astype(np.int64)


def _related(one: Vectors, two: Vectors) -> Vectors:
    far = np.abs((one * two).sum(axis=1)) > THRESHOLD
    return np.stack([one[far], two[far]], axis=1)


def _both_kinds(rng: np.random.Generator) -> tuple[Vectors, Vectors, NDArray[np.int64]]:
    """A third of the samples lies near a direction, for both the same vector (class 0); the others
    are pairs, neither of which lies near it (classes 1 and 2).
    """
    normal, third = _unit(rng, 1)[0], SAMPLES // 3

    def near() -> Vectors:
        found = _unit(rng, SAMPLES)
        close: Vectors = found[found @ normal > THRESHOLD]
        return close

    def pairs() -> Vectors:
        found = _related(_unit(rng, SAMPLES), _unit(rng, SAMPLES))
        away: Vectors = found[(found @ normal <= THRESHOLD).all(axis=1)]
        return away

    easy, paired = _until(third, near), _until(SAMPLES - third, pairs)
    one, two = (np.concatenate([easy, paired[:, side]]) for side in (0, 1))
    above_zero = (paired[:, 0] * paired[:, 1]).sum(axis=1) > 0
    hard = np.where(above_zero, 1, 2)
    return one, two, np.concatenate([np.zeros(third, np.int64), hard])


def _until(count: int, draw: Any) -> Vectors:
    """So many of what is drawn."""
    parts: list[Vectors] = []
    while sum(map(len, parts)) < count:
        parts.append(draw())
    return np.concatenate(parts)[:count]
