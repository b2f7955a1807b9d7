"""architectures: Tables 4 and 5 of Auxiliary Modality Learning (AML): how an auxiliary modality
takes part in training.

A: it is an input that is missing in the test. B: it is predicted and used. C: predicting it is a
second task. D: a teacher that sees it teaches the student (SAMD). The paper finds D > B > C >= A.
"""

from __future__ import annotations

from itertools import pairwise

from auxdrive_train.reproduce.base import Reproduction, Workshop
from auxdrive_train.reproduce.driving import AUXILIARIES, TAKES, accuracies, settings_of, trained
from auxdrive_train.reproduce.findings import Claim, Findings, above, differences, figure

TYPES = {"D": "samd", "B": "type_b", "C": "type_c", "A": "type_a"}
"""From the best to the worst, as the paper has them."""
NO_WORSE = -1.0
"""Points: C may be this much below A and still count as no worse."""


class Architectures(Reproduction):
    """Of four ways to use an auxiliary modality, a teacher is the best."""

    name = "architectures"
    title = "AML, Tables 4 and 5: four architectures"
    takes = TAKES

    def find(self, workshop: Workshop) -> Findings:
        """Every architecture with every auxiliary.

        Args:
            workshop: where that is done.
        """
        auxiliaries = ("segmentation",) if workshop.budget == "quick" else AUXILIARIES
        students: dict[str, dict[str, object]] = {"alone": {"method": "baseline"}}
        for kind, method in TYPES.items():
            options = {"epochs_per_round": 2} if method == "samd" else {}
            for auxiliary in auxiliaries:
                students[f"{kind}-{auxiliary}"] = {
                    "method": method, "aux": [auxiliary], "options": options,
                }  # fmt: skip
        results = {name: accuracies(each) for name, each in trained(workshop, students).items()}
        means = {
            kind: [
                sum(row) / len(row)
                for row in zip(*(results[f"{kind}-{each}"] for each in auxiliaries), strict=True)
            ]
            for kind in TYPES
        }
        figures = [figure("RGB alone", None, results["alone"])]
        figures += [
            figure(f"{kind}, {auxiliary}", None, results[f"{kind}-{auxiliary}"])
            for kind in TYPES
            for auxiliary in auxiliaries
        ]
        figures += [figure(f"{kind}, mean", None, each) for kind, each in means.items()]
        return self.found(
            workshop,
            settings_of(workshop.budget),
            figures=tuple(figures),
            claims=tuple(_claims(means)),
        )


def _claims(means: dict[str, list[float]]) -> list[Claim]:
    made = []
    for better, worse in pairwise(TYPES):
        gains = differences(means[better], means[worse])
        least = NO_WORSE if worse == "A" else 0.0
        sign = ">=" if worse == "A" else ">"
        order = f"{better} {sign} {worse}"
        made.append(above(order, order, gains, least=least))
    return made
