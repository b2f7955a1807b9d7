"""similarity, correlation, pkt and vid against NumPy float64 twins, by loops, from the papers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from auxdrive_train.losses.contract import LossSetup
from auxdrive_train.losses.correlation import GAMMA, correlation
from auxdrive_train.losses.pkt import pkt
from auxdrive_train.losses.similarity import similarity
from auxdrive_train.losses.vid import VID, vid
from auxdrive_train.models.maps import Widths
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_inputs import TASK, batch_of, output


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their lengths, or by a hundredth of the mean length where that is more."""
    lengths = [math.sqrt(sum(v * v for v in row)) for row in vectors]
    least = 0.01 * sum(lengths) / len(lengths)
    return np.array(
        [row / max(length, least) for row, length in zip(vectors, lengths, strict=True)]
    )


def similarity_twin(student: np.ndarray, teacher: np.ndarray) -> float:
    """Tung and Mori 2019, equations 1 to 4."""
    b = len(student)
    ours, theirs = (
        unit(np.array([[x[i] @ x[j] for j in range(b)] for i in range(b)]))
        for x in (student, teacher)
    )
    return float(sum((ours[i, j] - theirs[i, j]) ** 2 for i in range(b) for j in range(b)) / b**2)


def correlation_twin(student: np.ndarray, teacher: np.ndarray) -> float:
    """Peng et al. 2019, equations 5 to 8: the series of exp(-gamma |x - y|^2) for |x| = |y| = 1."""
    b = len(student)

    def kernel(x: np.ndarray, i: int, j: int) -> float:
        dot = float(x[i] @ x[j])
        return math.exp(-0.8) * (1.0 + 0.8 * dot + 0.8**2 / 2.0 * dot**2)

    ours, theirs = unit(student), unit(teacher)
    gaps = [kernel(ours, i, j) - kernel(theirs, i, j) for i in range(b) for j in range(b)]
    return sum(gap * gap for gap in gaps) / b**2


def pkt_twin(student: np.ndarray, teacher: np.ndarray) -> float:
    """Passalis and Tefas 2018, equations 3 to 6, without a sample as its own neighbour."""
    b, total = len(student), 0.0
    ours, theirs = unit(student), unit(teacher)

    def probable(x: np.ndarray, i: int, j: int) -> float:
        all_of_them = sum((x[i] @ x[k] + 1) / 2 for k in range(b) if k != i)
        return (x[i] @ x[j] + 1) / 2 / max(all_of_them, 1e-7)  # 0 where all are its opposite

    for i in range(b):
        for j in range(b):
            if i != j:
                p, q = probable(theirs, i, j), probable(ours, i, j)
                total += p * math.log((p + 1e-7) / (q + 1e-7))
    return total / (b * (b - 1))


TWINS: dict[str, tuple[Callable, Callable]] = {
    "similarity": (similarity, similarity_twin),
    "correlation": (correlation, correlation_twin),
    "pkt": (pkt, pkt_twin),
}
every_twin = pytest.mark.parametrize("name", TWINS)


@every_twin
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 6), d=st.integers(1, 5))
def test_it_equals_its_twin(name: str, seed: int, n: int, d: int) -> None:
    loss, twin = TWINS[name]
    rng = np.random.default_rng(seed)
    student, teacher = rng.normal(size=(n, d)), rng.normal(size=(n, d + 1))
    found = float(loss(torch.tensor(student), torch.tensor(teacher)))
    assert found == pytest.approx(twin(student, teacher), rel=1e-9, abs=1e-12)


@every_twin
def test_its_gradient_is_right_and_it_is_zero_for_equals(name: str) -> None:
    loss, _ = TWINS[name]
    torch.manual_seed(3)
    student = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(5, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss(x, teacher), (student,))
    assert float(loss(teacher, teacher)) == 0.0


@every_twin
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 10.0))
def test_relations_do_not_change_with_the_size_of_the_features(
    name: str, seed: int, scale: float
) -> None:
    loss, _ = TWINS[name]
    features = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    assert float(loss(features * scale, features)) == pytest.approx(0.0, abs=1e-12)


def test_correlation_is_near_the_kernel_whose_series_it_is() -> None:
    """Of one sample with itself, and with its opposite: exp(0) and exp(-4 gamma)."""
    one, other = torch.eye(1, 2, dtype=torch.float64), -torch.eye(1, 2, dtype=torch.float64)
    pair, same = torch.cat([one, other]), torch.cat([one, one])
    gap = math.sqrt(2 * float(correlation(pair, same)))
    assert gap == pytest.approx(1.0 - math.exp(-4 * GAMMA), abs=0.15)


def test_pkt_of_two_samples_is_nothing() -> None:
    """Each is the other's only neighbour, whatever their features are."""
    assert float(pkt(torch.randn(2, 3), torch.randn(2, 3))) == 0.0


def test_vid_is_the_gaussians_likelihood_and_learns_its_variances() -> None:
    """Against the density that NumPy gives, less its constant; trained where a feature is a linear
    map of the student's and another one is noise of 2, the variances are told apart.
    """
    rng = np.random.default_rng(4)
    mean, teacher, alpha = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), rng.normal(size=3)
    variance = np.log1p(np.exp(alpha)) + 1e-5
    density = np.exp(-((teacher - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    wanted = -np.log(density).mean() - 0.5 * math.log(2 * math.pi)
    found = vid(*(torch.tensor(each) for each in (mean, teacher, alpha)))
    assert float(found) == pytest.approx(wanted, rel=1e-12)
    torch.manual_seed(0)
    loss = VID(LossSetup(TASK, Widths(6), Widths(2), samples=7)).double()
    student = torch.randn(400, 6, dtype=torch.float64)
    told = torch.stack([student @ torch.ones(6).double(), 2 * torch.randn(400).double()], dim=1)
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.05)
    for _ in range(600):
        optimizer.zero_grad()
        loss(output(student), output(told), batch_of(400)).backward()
        optimizer.step()
    learned = torch.nn.functional.softplus(loss.alpha).detach()
    assert float(learned[0]) < 0.01
    assert float(learned[1]) == pytest.approx(4.0, abs=0.8)
