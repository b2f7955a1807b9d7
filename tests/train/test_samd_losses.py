"""What the phases of SAMD minimise, against float64 twins written from the papers, and whom the
gradients reach.
"""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive_train.data.batch import Batch
from phase_losses import (
    SCALE,
    five_samples,
    has_gradient,
    method,
    networks_of,
    outputs_of,
    phase_of,
    planned,
    task_twin,
    values,
)

# Weights of the losses in RepDistiller's README and code.
BETA = {"kd": 0.9, "hint": 100.0, "rkd": 1.0}


@pytest.fixture(scope="module")
def batch() -> Batch:
    return five_samples()


def relation_twin(student: np.ndarray, teacher: np.ndarray) -> float:
    """Park et al. 2019: 25 x distances over their mean, 50 x cosines, Huber."""

    def huber(gap: np.ndarray) -> float:
        return float(np.where(np.abs(gap) < 1, 0.5 * gap**2, np.abs(gap) - 0.5).mean())

    def relations(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        edges = x[None] - x[:, None]
        length = np.linalg.norm(edges, axis=2)
        unit = edges / np.where(length == 0, 1, length)[..., None]
        return length / length[~np.eye(len(x), dtype=bool)].mean(), np.einsum(
            "jid,jkd->jik", unit, unit
        )

    (near, turn), (wanted_near, wanted_turn) = relations(student), relations(teacher)
    return 25 * huber(near - wanted_near) + 50 * huber(turn - wanted_turn)


TWINS = {
    "kd": lambda s, t: float((((s[1] - t[1]) / SCALE) ** 2).mean()),
    "hint": lambda s, t: float(((s[0] - t[0]) ** 2).mean()),
    "rkd": lambda s, t: relation_twin(s[0], t[0]),
}


@pytest.mark.parametrize("beta", [None, 0.25])
@pytest.mark.parametrize("loss", sorted(BETA))
def test_samds_student_learns_from_the_label_and_from_the_teacher(
    loss: str, beta: float | None, batch: Batch
) -> None:
    made = method("samd", loss=loss, beta=beta, epochs_per_round=1)
    networks = networks_of(made)
    student, teacher = (
        outputs_of(networks["student"], batch),
        outputs_of(networks["teacher"], batch),
    )
    assert np.abs(student[0] - teacher[0]).max() > 1e-3
    found = values(phase_of(made, "round 1: student"), networks, batch)
    assert set(found) == {"task", "distil"}
    assert found["task"] == pytest.approx(task_twin(student[1], batch).mean(), rel=1e-4)
    assert found["distil"] == pytest.approx(
        (BETA[loss] if beta is None else beta) * TWINS[loss](student, teacher), rel=1e-3
    )
    assert has_gradient(networks["student"].encoder)
    for part in ("encoder", "auxiliary_stems", "projections"):
        assert not has_gradient(networks["teacher"].get_submodule(part)), (
            f"the teacher's {part} must not learn from its student"
        )


def test_samds_teacher_learns_from_the_label_alone(batch: Batch) -> None:
    made = method("samd", epochs_per_round=1)
    networks = networks_of(made)
    found = values(phase_of(made, "round 1: teacher"), networks, batch)
    assert found == {
        "task": pytest.approx(
            task_twin(outputs_of(networks["teacher"], batch)[1], batch).mean(), rel=1e-4
        )
    }
    assert has_gradient(networks["teacher"].projections)
    assert not has_gradient(networks["student"].encoder)


def test_samd_resets_the_teacher_each_round_and_keeps_one_optimiser_for_the_student(
    batch: Batch,
) -> None:
    made = method("samd", epochs_per_round=1)
    phases = list(planned(made))
    assert len(phases) == 4
    for phase in phases:
        assert phase.keep == "last"  # a round goes on where the last one ended
        if phase.watch == "student":
            assert phase.begin is None
            assert phase.optimizer == "student"
            continue
        assert phase.optimizer == ""
        networks = networks_of(made)
        assert phase.begin is not None
        phase.begin(networks, lambda _: batch)
        np.testing.assert_array_equal(
            outputs_of(networks["teacher"], batch)[0], outputs_of(networks["student"], batch)[0]
        )
        np.testing.assert_array_equal(
            outputs_of(networks["teacher"], batch)[1], outputs_of(networks["student"], batch)[1]
        )
