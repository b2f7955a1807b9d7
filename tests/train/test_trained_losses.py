"""abound, factor and crd, which train parts of their own, against NumPy float64 twins, by loops,
from the papers.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from auxdrive_train.losses.abound import ABound, boundaries
from auxdrive_train.losses.contract import LossSetup
from auxdrive_train.losses.crd import CRD, contrast
from auxdrive_train.losses.factor import Factor, factor
from auxdrive_train.models.maps import Widths
from auxdrive_train.models.networks import Output
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_inputs import TASK, batch_of, output
from torch import Tensor

MAPS = {"first": 3, "last": 4}
SETUP = LossSetup(TASK, Widths(5, MAPS), Widths(5, MAPS), samples=40)


def with_maps(seed: int, count: int = 4) -> Output:
    generator = torch.Generator().manual_seed(seed)
    maps = {
        name: torch.randn(count, channels, 2, 3, dtype=torch.float64, generator=generator)
        for name, channels in MAPS.items()
    }
    return Output(torch.zeros(count, 5).double(), torch.zeros(count, 1).double(), maps)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_abound_equals_its_twin(seed: int) -> None:
    """Heo et al. 2019, equation 5, with rho(x) = 1 for x > 0: by elements."""
    rng = np.random.default_rng(seed)
    student, teacher = 2 * rng.normal(size=(3, 7)), rng.normal(size=(3, 7)).clip(min=0.0)
    total = 0.0
    for s, t in zip(student.ravel(), teacher.ravel(), strict=True):
        active = 1.0 if t > 0 else 0.0
        total += (active * max(1.0 - s, 0.0) + (1.0 - active) * max(1.0 + s, 0.0)) ** 2
    found = boundaries(torch.tensor(student), torch.tensor(teacher))
    assert float(found) == pytest.approx(total / student.size, rel=1e-12)


def test_abound_knows_where_the_teacher_is_active_and_not_how_much() -> None:
    loss, student, teacher = ABound(SETUP).double(), with_maps(1), with_maps(2)
    wanted = loss(student, teacher, batch_of(4)).item()
    louder = Output(
        teacher.features,
        teacher.prediction,
        {k: m.clamp(min=0.0) * 9.0 for k, m in teacher.maps.items()},
    )
    assert loss(student, louder, batch_of(4)).item() == wanted
    other = Output(teacher.features, teacher.prediction, {k: -m for k, m in teacher.maps.items()})
    assert loss(student, other, batch_of(4)).item() != wanted
    each = [
        boundaries(loss.connectors[name](student.maps[name]), teacher.maps[name]).item()
        for name in MAPS
    ]
    assert wanted == pytest.approx(sum(each) / 2, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_factor_equals_its_twin(seed: int) -> None:
    """Kim et al. 2018, equation 3 with p = 1, in the mean."""
    rng = np.random.default_rng(seed)
    student, teacher = rng.normal(size=(3, 2, 2, 2)), rng.normal(size=(3, 2, 2, 2))
    total = 0.0
    for ours, theirs in zip(student.reshape(3, -1), teacher.reshape(3, -1), strict=True):
        ours, theirs = (x / math.sqrt(sum(v * v for v in x)) for x in (ours, theirs))
        total += sum(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    found = factor(torch.tensor(student), torch.tensor(teacher))
    assert float(found) == pytest.approx(total / student.size, rel=1e-12)


def test_the_paraphraser_learns_to_restore_and_from_nothing_else() -> None:
    """Its gradient is that of the restored map alone, and the translator's that of the factors."""
    loss, student, teacher = Factor(SETUP).double(), with_maps(1), with_maps(2)
    assert loss.maps == ("last",)
    loss(student, teacher, batch_of(4)).backward()
    theirs = teacher.maps["last"]
    factors = loss.paraphraser(theirs)
    assert factors.shape[1] == 2
    restored = (loss.restoring(factors) - theirs).square().mean() / loss.beta
    told = factor(loss.translator(student.maps["last"]), factors.detach())
    for part, cost in ((loss.paraphraser, restored), (loss.translator, told)):
        parameters = list(part.parameters())
        wanted = torch.autograd.grad(cost, parameters, retain_graph=True)
        for parameter, gradient in zip(parameters, wanted, strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad, gradient)


def crd_twin(pair: np.ndarray, others: np.ndarray, samples: int) -> float:
    """Tian et al. 2020, equations 18 and 19, with the code's Z, one direction."""
    n, total = others.shape[1], 0.0
    z = samples * math.exp(1 / (2 * 128 * 0.07**2))

    def h(dot: float) -> float:
        p = math.exp(dot / 0.07) / z
        return p / (p + n / samples)

    for row, dot in enumerate(pair):
        total -= math.log(h(dot)) + sum(math.log(1.0 - h(other)) for other in others[row])
    return total / len(pair)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), samples=st.integers(2, 100_000))
def test_crd_equals_its_twin(seed: int, samples: int) -> None:
    """However many samples there are: they cancel out."""
    rng = np.random.default_rng(seed)
    pair, others = rng.uniform(-1, 1, 4), rng.uniform(-1, 1, (4, 6))
    found = contrast(torch.tensor(pair), torch.tensor(others))
    assert float(found) == pytest.approx(crd_twin(pair, others, samples), rel=1e-9)


def test_the_mean_over_random_directions_is_what_z_takes_it_for() -> None:
    torch.manual_seed(0)
    one, other = (torch.nn.functional.normalize(torch.randn(200_000, 128)) for _ in range(2))
    measured = ((one * other).sum(dim=1) / 0.07).exp().mean().item()
    assert measured == pytest.approx(math.exp(1 / (2 * 128 * 0.07**2)), rel=0.02)


def features(seed: int) -> Tensor:
    return torch.randn(40, 5, generator=torch.Generator().manual_seed(seed))


def test_crd_remembers_each_sample_by_its_number() -> None:
    torch.manual_seed(0)
    loss = CRD(SETUP)
    before = {name: buffer.clone() for name, buffer in loss.named_buffers()}
    batch = batch_of(4)
    loss(output(features(1)[:4]), output(features(2)[:4]), batch)
    for name, embed, of in (("our_memory", loss.ours, 1), ("their_memory", loss.theirs, 2)):
        now, seen = loss.get_buffer(name), set(batch.index.tolist())
        for sample in range(40):
            assert torch.equal(now[sample], before[name][sample]) == (sample not in seen)
        with torch.no_grad():
            told = torch.nn.functional.normalize(embed(features(of)[:4]))
        wanted = torch.nn.functional.normalize(before[name][batch.index] + told)
        torch.testing.assert_close(now[batch.index], wanted)


def test_crd_brings_a_student_to_tell_the_same_samples_apart() -> None:
    """A linear student that sees the teacher's input through another matrix: at first its nearest
    remembered teacher is any, in the end that of the same sample.
    """
    torch.manual_seed(0)
    loss, seen, shown = CRD(SETUP), features(1), features(1) @ torch.randn(5, 5)
    batch = replace(batch_of(40), index=torch.arange(40))
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.01)

    def right() -> float:
        with torch.no_grad():
            dots = torch.nn.functional.normalize(loss.ours(shown)) @ loss.their_memory.T
        return (dots.argmax(dim=1) == torch.arange(40)).float().mean().item()

    first = right()
    for _ in range(200):
        optimizer.zero_grad()
        loss(output(shown), output(seen), batch).backward()
        optimizer.step()
    assert first < 0.2
    assert right() > 0.8


def test_crd_takes_a_single_sample() -> None:
    """There are no others then; a run of one sample is refused elsewhere."""
    loss = CRD(LossSetup(TASK, Widths(5), Widths(5), samples=1))
    batch = replace(batch_of(1), index=torch.zeros(1, dtype=torch.long))
    assert torch.isfinite(loss(output(features(1)[:1]), output(features(2)[:1]), batch))
