"""mfh-gaussian: Table 2 of the Modality Focusing Hypothesis (Xue et al. 2023).

Logistic regression on 200 samples, rho 0.5, ten drawings. The paper leaves the widths open: beta =
0 and d = d_1 = d_2 = 50 give its levels, and the temperature 1 its students.
"""

from __future__ import annotations

from auxdrive_train.reproduce.base import Reproduction, Workshop, percent
from auxdrive_train.reproduce.findings import (
    Claim,
    Figure,
    Findings,
    above,
    below,
    differences,
    figure,
)
from auxdrive_train.reproduce.gaussian import PAPER_RUNS, REPEATS, SETTINGS, Design, runs_of

WIDTH = 50
SHARED = {0.25: 12, 0.50: 25, 0.75: 38}
"""Components of both modalities, of 50: the nearest to each gamma."""
PAPER = {
    0.25: (89.70, 64.84, 59.29, 59.46, 61.01),
    0.50: (89.62, 73.41, 67.64, 67.86, 70.25),
    0.75: (89.70, 79.41, 76.46, 76.53, 77.70),
}
COLUMNS = ("regular teacher", "modality-general teacher", "no KD", "regular KD", "general KD")


class MFHGaussian(Reproduction):
    """A teacher that sees less, but what the student sees too, teaches better."""

    name = "mfh-gaussian"
    title = "MFH, Table 2: synthetic Gaussian data"

    def find(self, workshop: Workshop) -> Findings:
        """Three values of gamma, five accuracies each.

        Args:
            workshop: where that is done.
        """
        seeds = range(REPEATS[workshop.budget])
        designs = {
            gamma: Design(shared, WIDTH - shared, 0, WIDTH, WIDTH)
            for gamma, shared in SHARED.items()
        }
        wanted = {
            name: settings
            for design in designs.values()
            for seed in seeds
            for name, settings in runs_of(workshop.folder, design, seed, general=True).items()
        }
        results = workshop.results(wanted)
        figures: list[Figure] = []
        claims: list[Claim] = []
        for gamma, design in designs.items():
            each = {
                kind: [results[f"{design.name}-{seed}-{kind}"] for seed in seeds]
                for kind in ("alone", "regular", "general")
            }
            columns = (
                [percent(run, "teacher") for run in each["regular"]],
                [percent(run, "teacher") for run in each["general"]],
                *([percent(run, "student") for run in runs] for runs in each.values()),
            )
            for column, paper, values in zip(COLUMNS, PAPER[gamma], columns, strict=True):
                label = f"gamma {gamma:g}: {column}"
                figures.append(figure(label, paper, values, paper_runs=PAPER_RUNS))
            claims += _claims(gamma, columns)
        return self.found(
            workshop,
            SETTINGS,
            figures=tuple(figures),
            claims=tuple(claims),
            notes=(
                "the paper does not print its widths and temperature: beta = 0, d = d1 = d2 = 50 "
                "and T = 1 were taken since they give its levels",
            ),
        )


def _claims(gamma: float, columns: tuple[list[float], ...]) -> list[Claim]:
    regular_teacher, general_teacher, alone, regular, general = columns
    teacher_paper, general_paper, alone_paper, regular_paper, student_paper = PAPER[gamma]

    return [
        below(
            f"gamma {gamma:g}: the modality-general teacher is worse than the regular one",
            f"{general_paper - teacher_paper:+.1f} points",
            differences(general_teacher, regular_teacher),
        ),
        above(
            f"gamma {gamma:g}: and its student is better than the regular one's",
            f"{student_paper - regular_paper:+.1f} points",
            differences(general, regular),
        ),
        above(
            f"gamma {gamma:g}: and better than without distillation",
            f"{student_paper - alone_paper:+.1f} points",
            differences(general, alone),
        ),
    ]
