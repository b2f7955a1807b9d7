"""Every distillation loss of the table where its formula has poles: samples that look alike,
features that say nothing, tiny batches.
"""

from __future__ import annotations

import functools
import math

import pytest
import torch
from auxdrive_train.losses import LOSSES
from auxdrive_train.losses.contract import Loss
from loss_inputs import batch_of, fresh, output
from loss_inputs import cost as cost_of
from torch import Tensor, nn

B, D = 5, 4


def noise(seed: int, rows: int = B) -> Tensor:
    return torch.randn(rows, D, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def alike(gap: float) -> Tensor:
    """Three samples that differ by `gap` among others that do not."""
    features = noise(1)
    features[1:3] = features[0] + gap * noise(2, 2)
    return features


def same(gap: float) -> Tensor:
    """Features that have collapsed to a point, but for `gap`."""
    return noise(1)[:1].expand(B, D) + gap * noise(2)


CASES = {
    "ordinary": noise(1),
    **{
        f"three samples alike, but for {gap:g}": alike(gap)
        for gap in (0.0, 1e-12, 1e-9, 1e-6, 1e-4, 3e-3, 3e-2)
    },
    **{f"all samples alike, but for {gap:g}": same(gap) for gap in (0.0, 1e-12, 1e-5, 1e-3)},
    "zeros": torch.zeros(B, D, dtype=torch.float64),
    "zeros in all samples but one": torch.cat(
        (torch.zeros(B - 1, D, dtype=torch.float64), noise(1, 1))
    ),
    "one feature that varies": torch.cat(
        (torch.zeros(B, D - 1, dtype=torch.float64), noise(1)[:, :1]), dim=1
    ),
    "large": 1e4 * noise(1),
    "small": 1e-4 * noise(1),
    "two samples": noise(1, 2),
    "two samples alike": noise(1, 1).expand(2, D),
    "one sample": noise(1, 1),
}


@functools.cache
def made(name: str) -> Loss:
    """The loss in float64, made once: `cost_of` leaves it as it was."""
    return fresh(name, student=D, teacher=D).double()


def cost(name: str, student: Tensor, teacher: Tensor) -> Tensor:
    """The loss in float64; prediction and maps are made of the features."""
    return cost_of(made(name), output(student), output(teacher), batch_of(len(student)))


SLOW = ("abound", "crd", "factor")
"""Losses with large parts of their own."""
# Central differences of this width tell a gradient from rounding and do not step over a case's own
# gap.
STEP = {
    "three samples alike, but for 1e-06": 1e-9,
    "all samples alike, but for 1e-12": 1e-9,
    "all samples alike, but for 1e-05": 1e-10,
    "small": 1e-9,
}


@pytest.mark.parametrize("case", sorted(CASES))
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradients_are_right_at_and_near_degenerate_features(name: str, case: str) -> None:
    student = CASES[case].clone().requires_grad_(True)
    for teacher in (
        noise(7, len(student)),
        CASES[case].clone(),
        torch.zeros(len(student), D, dtype=torch.float64),
    ):
        assert torch.isfinite(cost(name, student, teacher))
        (gradient,) = torch.autograd.grad(cost(name, student, teacher), student)
        assert torch.isfinite(gradient).all()
        step = STEP.get(case, 1e-7)
        largest = max(1.0, float(gradient.abs().max()))
        assert torch.autograd.gradcheck(
            lambda s, t=teacher: cost(name, s, t),
            (student,),
            eps=step,
            atol=1e-4 * largest,
            rtol=1e-3,
            # by random projections: these take a hundred times as long for every single number
            fast_mode=name in SLOW,
        )


@pytest.mark.parametrize("gap", [0.0, 1e-9, 1e-6, 1e-4])
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_samples_that_look_alike_do_not_take_the_gradient_over(name: str, gap: float) -> None:
    """In float32, as in training: two of sixteen images are all but the same, and the teacher
    tells them apart.
    """

    def norm(identical: int) -> float:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(20, 64), nn.ELU(), nn.Linear(64, 64))
        seen = torch.randn(16, 20)
        other = torch.randn(16, 20)
        seen[:identical] = seen[0] + gap * other[:identical]
        student, teacher = network(seen), torch.randn(16, 64)
        loss = fresh(name, student=64, teacher=64)
        loss(output(student), output(teacher), batch_of(16)).backward()
        return math.sqrt(
            sum(
                float(parameter.grad.square().sum())
                for parameter in network.parameters()
                if parameter.grad is not None
            )
        )

    ordinary = norm(0)
    for identical in (2, 8):
        assert norm(identical) < 4 * ordinary


@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name].zero_for_equals])
def test_equal_features_cost_nothing(name: str) -> None:
    for features in CASES.values():
        assert float(cost(name, features, features.clone())) == pytest.approx(0.0, abs=1e-12)
