"""modality-choice: Table 3 of Auxiliary Modality Learning (AML): the modality that
squeeze-and-excitation weighs most is the one that SAMD's student gains most from, and noise is
weighed least.
"""

from __future__ import annotations

import numpy as np
from auxdrive.ranking import rank_correlation

from auxdrive_train.evaluation.importance import NOISE, importance_of
from auxdrive_train.reproduce.base import Reproduction, Workshop
from auxdrive_train.reproduce.driving import AUXILIARIES, TAKES, accuracies, settings_of, trained
from auxdrive_train.reproduce.findings import Findings, above, differences, figure


class ModalityChoice(Reproduction):
    """What the network looks at is what it is worth to learn from."""

    name = "modality-choice"
    title = "AML, Table 3: importance and gain of modalities"
    takes = TAKES

    def find(self, workshop: Workshop) -> Findings:
        """The weights of all, and the gain of each.

        Args:
            workshop: where that is done.
        """
        students: dict[str, dict[str, object]] = {
            "alone": {"method": "baseline"},
            "selection": {"method": "selection", "aux": list(AUXILIARIES)},
        }
        for auxiliary in AUXILIARIES:
            students[f"samd-{auxiliary}"] = {
                "method": "samd", "aux": [auxiliary], "options": {"epochs_per_round": 2},
            }  # fmt: skip
        results = trained(workshop, students)
        seeds = range(len(results["alone"]))
        weighed = [importance_of(workshop.folder / "runs" / f"selection-{seed}") for seed in seeds]
        alone = accuracies(results["alone"])
        gains = {
            each: differences(accuracies(results[f"samd-{each}"]), alone) for each in AUXILIARIES
        }
        weights = {name: [found[name] for found in weighed] for name in (*AUXILIARIES, NOISE)}
        agreement = [
            agreement_of(
                [weights[each][seed] for each in AUXILIARIES],
                [gains[each][seed] for each in AUXILIARIES],
            )
            for seed in seeds
        ]
        above_noise = [
            min(weights[each][seed] for each in AUXILIARIES) - weights[NOISE][seed]
            for seed in seeds
        ]
        figures = [figure(f"weight of {name}", None, each, "") for name, each in weights.items()]
        figures += [figure(f"gain by {name}", None, each, "points") for name, each in gains.items()]
        return self.found(
            workshop,
            settings_of(workshop.budget),
            figures=tuple(figures),
            claims=(
                above("weights and gains are in one order (rank correlation)", "1", agreement, ""),
                above("noise is weighed least", "yes", above_noise, ""),
            ),
        )


def agreement_of(weights: list[float], gains: list[float]) -> float:
    """Spearman's correlation; 0 where one of them is the same for all.

    Args:
        weights: of modalities.
        gains: of the same modalities.
    """
    return rank_correlation(np.asarray(weights), np.asarray(gains), seed=0).rho or 0.0
