"""kd-zoo: SAMD's Tables 1, 9 and 10 (Auxiliary Modality Learning): distillation losses without and
with the reset of the teacher to the student, on recorded driving.

Without the reset a teacher of all modalities is trained first and teaches then (`kd`); with it
teacher and student take turns (`samd`). The papers' data cannot be had here; the claims are about
order and sign.
"""

from __future__ import annotations

from auxdrive_train.reproduce.base import Reproduction, Workshop
from auxdrive_train.reproduce.driving import (
    AUXILIARIES,
    TAKES,
    accuracies,
    settings_of,
    trained,
)
from auxdrive_train.reproduce.findings import Claim, Figure, Findings, above, figure

PAPER = {
    "kd": (71.5, 83.4), "hint": (67.6, 83.2), "similarity": (75.6, 83.9),
    "correlation": (77.0, 74.3), "rkd": (75.6, 84.4), "pkt": (75.7, 76.4), "vid": (83.4, 83.2),
    "abound": (74.3, 72.0), "factor": (76.9, 83.4), "fsp": (72.0, 70.1),
}  # fmt: skip
"""mAcc without and with reset."""
ALONE, PAPER_ALONE = "alone", 72.9
QUICK = ("kd", "hint", "rkd")
MOST = "reset helps most losses (more than half of them)"


class KDZoo(Reproduction):
    """A teacher that is reset to its student teaches better, whatever the loss."""

    name = "kd-zoo"
    title = "SAMD, Tables 1, 9 and 10: losses without and with reset"
    takes = TAKES

    def find(self, workshop: Workshop) -> Findings:
        """Each loss without and with reset, beside the baseline.

        Args:
            workshop: where that is done.
        """
        losses = QUICK if workshop.budget == "quick" else tuple(PAPER)
        aux = ["segmentation"] if workshop.budget == "quick" else list(AUXILIARIES)
        students: dict[str, dict[str, object]] = {ALONE: {"method": "baseline"}}
        for loss in losses:
            students[f"{loss}-without"] = {
                "method": "kd", "aux": aux, "options": {"loss": loss},
            }  # fmt: skip
            students[f"{loss}-reset"] = {
                "method": "samd", "aux": aux, "options": {"loss": loss, "epochs_per_round": 2},
            }  # fmt: skip
        results = {name: accuracies(each) for name, each in trained(workshop, students).items()}
        figures: list[Figure] = [figure("RGB alone", PAPER_ALONE, results[ALONE])]
        for loss in losses:
            for place, kind in enumerate(("without", "reset")):
                values = results[f"{loss}-{kind}"]
                figures.append(figure(f"{loss}, {kind}", PAPER[loss][place], values))
        return self.found(
            workshop,
            settings_of(workshop.budget) | {"aux": ",".join(aux)},
            figures=tuple(figures),
            claims=tuple(_claims(losses, results)),
            notes=(
                "the papers' recordings cannot be had: our levels are of the embedded simulator, "
                "and only order and sign can be compared",
            ),
        )


def _claims(losses: tuple[str, ...], results: dict[str, list[float]]) -> list[Claim]:
    gains = {
        loss: [
            b - a for a, b in zip(results[f"{loss}-without"], results[f"{loss}-reset"], strict=True)
        ]
        for loss in losses
    }
    seeds = range(len(results[ALONE]))
    mean = [sum(gains[loss][seed] for loss in losses) / len(losses) for seed in seeds]
    share = [100.0 * sum(gains[loss][seed] > 0 for loss in losses) / len(losses) for seed in seeds]
    taught = [
        sum(results[f"{loss}-reset"][seed] for loss in losses) / len(losses) - results[ALONE][seed]
        for seed in seeds
    ]
    return [
        above(MOST, "6 of 10", share, "%", 50.0),
        above("reset helps in the mean over the losses", "+4.5 points", mean),
        above("students of SAMD are above RGB alone", "+6.5 points", taught),
        *(
            above(f"{loss}: reset helps", f"{PAPER[loss][1] - PAPER[loss][0]:+.1f} points", each)
            for loss, each in gains.items()
        ),
    ]
