"""mfh-gamma-alpha: Figures 2 and 3 of the Modality Focusing Hypothesis (Xue et al. 2023).

Figure 2: both modalities have 10 decisive components, of which 0 to 10 are shared; what the teacher
brings grows with gamma. Figure 3: the student's 10 decisive components are among the teacher's 10
to 50; the teacher improves with alpha, and the student gains nothing. (The figure has a sixth
point, alpha = 0.83, which needs 60 components and does not fit into the 50 of B.2.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auxdrive_train.reproduce.base import Reproduction, Workshop, percent
from auxdrive_train.reproduce.findings import (
    Claim,
    Findings,
    Plot,
    above,
    below,
    curve,
    differences,
    figure,
)
from auxdrive_train.reproduce.gaussian import PAPER_RUNS, REPEATS, SETTINGS, Design, runs_of

BY_GAMMA = [Design(k, 10 - k, 10 - k, 25, 50) for k in range(0, 11, 2)]
BY_ALPHA = [Design(10, d - 10, 0, 50, 50) for d in range(10, 51, 10)]
GAIN_AT_ONE = 2.1
NO_GAIN = 1.0
"""Points: a gain below this is none."""


class MFHGammaAlpha(Reproduction):
    """What a teacher of another modality brings grows with what both see, and with nothing else."""

    name = "mfh-gamma-alpha"
    title = "MFH, Figures 2 and 3: gain by gamma and by alpha"

    def find(self, workshop: Workshop) -> Findings:
        """Both sweeps.

        Args:
            workshop: where that is done.
        """
        seeds = range(REPEATS[workshop.budget])
        wanted = {
            name: settings
            for design in dict.fromkeys((*BY_GAMMA, *BY_ALPHA))
            for seed in seeds
            for name, settings in runs_of(workshop.folder, design, seed, general=False).items()
        }
        results = workshop.results(wanted)

        def values(design: Design, kind: str, role: str) -> list[float]:
            return [percent(results[f"{design.name}-{seed}-{kind}"], role) for seed in seeds]

        def gains(design: Design) -> list[float]:
            taught, alone = (values(design, kind, "student") for kind in ("regular", "alone"))
            return differences(taught, alone)

        gamma = {design.gamma: gains(design) for design in BY_GAMMA}
        alpha = {design.alpha: gains(design) for design in BY_ALPHA}
        teachers = {design.alpha: values(design, "regular", "teacher") for design in BY_ALPHA}
        paper = {1.0: GAIN_AT_ONE}
        figures = [
            figure(f"gain at gamma {x:.2f}", paper.get(x), each, "points", PAPER_RUNS)
            for x, each in gamma.items()
        ]
        figures += [
            figure(f"gain at alpha {x:.2f}", None, each, "points") for x, each in alpha.items()
        ]
        return self.found(
            workshop,
            SETTINGS,
            figures=tuple(figures),
            claims=_claims(gamma, alpha, teachers),
            plots=(
                Plot(
                    title="gain by distillation, points", x_label="gamma in per cent",
                    curves=(curve("alpha = beta", _in_percent(gamma)),),
                ),
                Plot(
                    title="gain by distillation, points", x_label="alpha in per cent",
                    curves=(curve("beta = 0", _in_percent(alpha)),),
                ),
                Plot(
                    title="teacher's accuracy, per cent", x_label="alpha in per cent",
                    curves=(curve("teacher", _in_percent(teachers)),),
                ),
            ),
        )  # fmt: skip


def _claims(
    gamma: Mapping[float, Sequence[float]],
    alpha: Mapping[float, Sequence[float]],
    teachers: Mapping[float, Sequence[float]],
) -> tuple[Claim, ...]:
    least, most = min(alpha), max(alpha)
    better = differences(teachers[most], teachers[least])
    return (
        above("the gain grows with gamma", "rises to 2.1 at gamma 1", _slopes(gamma)),
        above("at gamma 1 the student gains", "+2.1 points", gamma[1.0]),
        above("the teacher improves with alpha", "rises", better),
        below(
            f"at alpha {most:.2f} the student gains nothing (less than {NO_GAIN:g})",
            "no gain",
            alpha[most],
            most=NO_GAIN,
        ),
    )


def _slopes(values: Mapping[float, Sequence[float]]) -> list[float]:
    """Of each repetition, the slope over all places: points from 0 to 1."""
    x = np.array(list(values))
    table = np.array(list(values.values()))
    return [float(np.polyfit(x, table[:, row], 1)[0]) for row in range(table.shape[1])]


def _in_percent(values: Mapping[float, Sequence[float]]) -> dict[float, Sequence[float]]:
    return {round(100 * x): each for x, each in values.items()}
