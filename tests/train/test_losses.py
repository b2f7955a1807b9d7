"""Distillation losses against NumPy float64 twins, written from the papers, not from the code."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from auxdrive_train.losses.contract import LossSetup
from auxdrive_train.losses.hint import Hint, hint
from auxdrive_train.losses.rkd import rkd
from auxdrive_train.models.maps import Widths
from auxdrive_train.tasks.waypoints import WaypointsTask
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_inputs import TASK, batch_of, output


def huber(a: float, b: float) -> float:
    gap = abs(a - b)
    return 0.5 * gap * gap if gap < 1 else gap - 0.5


def rkd_twin(student: np.ndarray, teacher: np.ndarray) -> float:
    """Park et al. 2019, equations 4 to 8, by loops; edges below a hundredth of the mean distance
    are divided by that instead.
    """
    n = len(student)

    def distances(x: np.ndarray) -> np.ndarray:
        d = np.array([[np.linalg.norm(x[i] - x[j]) for j in range(n)] for i in range(n)])
        return d / d[~np.eye(n, dtype=bool)].mean()

    def angles(x: np.ndarray) -> np.ndarray:
        out = np.zeros((n, n, n))
        shortest = 0.01 * np.mean(
            [np.linalg.norm(x[i] - x[j]) for i in range(n) for j in range(n) if i != j]
        )
        for j in range(n):
            for i in range(n):
                for k in range(n):
                    a, b = x[i] - x[j], x[k] - x[j]
                    norm = max(np.linalg.norm(a), shortest) * max(np.linalg.norm(b), shortest)
                    out[j, i, k] = a @ b / norm
        return out

    pairs = zip(distances(student).ravel(), distances(teacher).ravel(), strict=True)
    triples = zip(angles(student).ravel(), angles(teacher).ravel(), strict=True)
    return 25 * float(np.mean([huber(a, b) for a, b in pairs])) + 50 * float(
        np.mean([huber(a, b) for a, b in triples])
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 6), d=st.integers(1, 5))
def test_rkd_equals_its_twin(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    student, teacher = rng.normal(size=(n, d)), rng.normal(size=(n, d))
    assert float(rkd(torch.tensor(student), torch.tensor(teacher))) == pytest.approx(
        rkd_twin(student, teacher), rel=1e-9, abs=1e-9
    )


def kd(student: torch.Tensor, teacher: torch.Tensor, scale: float) -> torch.Tensor:
    return WaypointsTask(scale=scale).imitation(student, teacher, 4.0).mean()


def test_kd_and_hint_equal_their_twins() -> None:
    rng = np.random.default_rng(1)
    student, teacher = rng.normal(size=(7, 4, 2)), rng.normal(size=(7, 4, 2))
    wanted = float((((student - teacher) / 0.5) ** 2).mean())
    assert float(kd(torch.tensor(student), torch.tensor(teacher), 0.5)) == pytest.approx(
        wanted, rel=1e-12
    )
    flat = student.reshape(7, 8), teacher.reshape(7, 8)
    assert float(hint(torch.tensor(flat[0]), torch.tensor(flat[1]))) == pytest.approx(
        float(((flat[0] - flat[1]) ** 2).mean()), rel=1e-12
    )


@pytest.mark.parametrize("loss", [hint, rkd, lambda s, t: kd(s, t, 0.3)], ids=["hint", "rkd", "kd"])
def test_gradients_are_right_and_the_loss_is_zero_for_equals(loss) -> None:
    torch.manual_seed(3)
    student = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(5, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss(x, teacher), (student,))
    assert float(loss(teacher, teacher)) == 0.0


def test_rkd_survives_equal_samples_and_a_batch_of_one() -> None:
    same = torch.ones(4, 3, dtype=torch.float64, requires_grad=True)
    loss = rkd(same, torch.randn(4, 3, dtype=torch.float64))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(same.grad).all()
    assert float(rkd(torch.randn(1, 3), torch.randn(1, 3))) == 0.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 10.0))
def test_rkd_ignores_scale_and_shift_of_the_features(seed: int, scale: float) -> None:
    """Relations do not change when all features are scaled and moved alike."""
    features = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    assert float(rkd(features * scale + 3.0, features)) == pytest.approx(0.0, abs=1e-9)


def test_hint_has_fitnets_regressor_where_widths_differ_and_trains_it() -> None:
    """Romero et al. 2015, equation 3, with a linear regressor on the student's features."""
    torch.manual_seed(0)
    loss = Hint(LossSetup(TASK, Widths(6), Widths(4), samples=7)).double()
    assert {name: tuple(p.shape) for name, p in loss.named_parameters()} == {
        "regressor.weight": (4, 6),
        "regressor.bias": (4,),
    }
    student, teacher = (torch.randn(7, d, dtype=torch.float64) for d in (6, 4))
    found = loss(output(student), output(teacher), batch_of(7))
    weight, bias = (p.detach().numpy() for p in loss.parameters())
    gap = student.numpy() @ weight.T + bias - teacher.numpy()
    assert found.item() == pytest.approx(float((gap**2).mean()), rel=1e-12)
    optimizer = torch.optim.SGD(loss.parameters(), lr=0.1)
    for _ in range(400):
        optimizer.zero_grad()
        loss(output(student), output(teacher), batch_of(7)).backward()
        optimizer.step()
    assert loss(output(student), output(teacher), batch_of(7)).item() < 0.2 * found.item()


def test_hint_of_equal_widths_trains_nothing() -> None:
    assert not list(Hint(LossSetup(TASK, Widths(6), Widths(6), samples=7)).state_dict())
