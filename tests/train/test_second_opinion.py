"""Distillation losses against those of torchdistill, another project's, where it has them. Where
both leave the paper in different ways, the difference is undone here and said.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from auxdrive_train.losses.abound import boundaries
from auxdrive_train.losses.at import attention
from auxdrive_train.losses.correlation import correlation
from auxdrive_train.losses.crd import MEAN, WIDTH, contrast
from auxdrive_train.losses.factor import factor
from auxdrive_train.losses.fsp import flow
from auxdrive_train.losses.pkt import pkt
from auxdrive_train.losses.rkd import rkd
from auxdrive_train.losses.similarity import similarity
from auxdrive_train.losses.vid import EPSILON, vid
from torch import Tensor
from torch.nn import functional

theirs: Any = pytest.importorskip(
    "torchdistill.losses.mid_level", reason="torchdistill is not installed (make setup does)"
)
B, D = 5, 6
PAIR = {"pair": {side: {"io": "output", "path": side[0]} for side in ("student", "teacher")}}


def features(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*(shape or (B, D)), dtype=torch.float64, generator=generator)


def told(loss: Any, student: Any, teacher: Tensor) -> float:
    return float(loss({"s": {"output": student}}, {"t": {"output": teacher}}))


@pytest.mark.parametrize("seed", range(3))
def test_rkd(seed: int) -> None:
    student, teacher = features(seed), features(seed + 10)
    rkd_of = theirs.RKDLoss("s", "t", dist_factor=25, angle_factor=50, reduction="mean")
    assert float(rkd(student, teacher)) == pytest.approx(told(rkd_of, student, teacher), rel=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_correlation(seed: int) -> None:
    """Theirs is a length over B^2, and takes features as they are; equation 8 has its square."""
    student, teacher = (functional.normalize(features(each)) for each in (seed, seed + 10))
    kernel = {"type": "gaussian", "gamma": 0.4, "max_p": 2}
    length = told(theirs.CCKDLoss("s", "t", kernel, reduction="sum"), student, teacher)
    assert float(correlation(student, teacher)) == pytest.approx(length**2 / B**2, rel=1e-7)


def test_vid() -> None:
    mean, teacher, alpha = features(1), features(2), features(3, D)
    variance = functional.softplus(alpha) + EPSILON
    assert float(vid(mean, teacher, alpha)) == pytest.approx(
        told(theirs.VIDLoss(PAIR), (mean, variance), teacher), rel=1e-12
    )


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        (pkt, theirs.PKTLoss("s", "output", "t", "output")),
        (similarity, theirs.SPKDLoss("s", "t", reduction="batchmean")),
    ],
    ids=["pkt", "similarity"],
)
def test_the_order_is_the_same(ours: Any, other: Any) -> None:
    """Where the numbers differ: their PKT counts each sample as its own neighbour, and their SP
    divides rows by the sum of their absolute values, where the paper has the length. Students that
    go from the teacher to something else cost more and more by both.
    """
    teacher, end = features(1, 12, D), features(2, 12, D)
    students = [teacher + share * end for share in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)]
    for costs in (
        [float(ours(each, teacher)) for each in students],
        [told(other, each.clone(), teacher) for each in students],
    ):
        assert costs == sorted(costs)
        assert costs[0] < 1e-6 < costs[-1]


@pytest.mark.parametrize("seed", range(3))
def test_losses_on_maps(seed: int) -> None:
    """The sum over elements by theirs is the mean by ours in abound."""
    student, teacher = features(seed, B, 3, 2, 4), features(seed + 10, B, 3, 2, 4).clamp(min=0.0)
    active = told(theirs.AltActTransferLoss(PAIR, margin=1, reduction="mean"), student, teacher)
    assert float(boundaries(student, teacher)) == pytest.approx(active / (3 * 2 * 4), rel=1e-7)
    looked = told(theirs.ATLoss(PAIR, mode="code"), student, teacher)
    assert float(attention(student, teacher)) == pytest.approx(looked, rel=1e-7)
    gist = theirs.FTLoss(p=1, paraphraser_path="t", translator_path="s")
    assert float(factor(student, teacher)) == pytest.approx(told(gist, student, teacher), rel=1e-7)


def test_fsp() -> None:
    """Theirs does not square: the lengths of columns are compared, by our flows and by theirs."""
    first, second = features(1, B, 3, 2, 4), features(2, B, 5, 2, 4)
    teachers = features(3, B, 3, 2, 4), features(4, B, 5, 2, 4)
    sides = ("student_first", "student_second", "teacher_first", "teacher_second")
    pairs = {"pair": {side: {"io": "output", "path": side} for side in sides}}
    values = dict(zip(sides, (first, second, *teachers), strict=True))
    outputs = {side: {"output": value} for side, value in values.items()}
    gap = flow(first, second) - flow(*teachers)
    wanted = float(theirs.FSPLoss(pairs)(outputs, outputs))
    assert float(gap.norm(dim=1).sum() / B) == pytest.approx(wanted, rel=1e-7)


def test_crd() -> None:
    """Theirs takes the pair from the memory, which here holds the batch, and Z from the first
    batch, which is told ours.
    """
    samples, others = 30, 7
    ours, teacher = (functional.normalize(features(seed, B, WIDTH)) for seed in (1, 2))
    loss = theirs.CRDLoss("s", "empty", "t", WIDTH, samples, others, samples).double()
    loss.params[2:4] = samples * MEAN
    index = torch.arange(B)
    for memory, rows, seed in ((loss.memory_v1, ours, 3), (loss.memory_v2, teacher, 4)):
        memory.copy_(functional.normalize(features(seed, samples, WIDTH)))
        memory[index] = rows
    drawn = torch.cat([index[:, None], features(5, B, others).abs().mul(9).long() % 20 + B], dim=1)
    pair, wanted = (ours * teacher).sum(dim=1), 0.0
    for own, memory in ((ours, loss.memory_v2), (teacher, loss.memory_v1)):
        wanted += float(contrast(pair, torch.einsum("bd,bnd->bn", own, memory[drawn[:, 1:]])))
    place = {"pos_idx": index, "contrast_idx": drawn}
    student = {"s": {"output": ours}, "empty": {"input": place}}
    found = float(loss(student, {"t": {"output": teacher}}))
    assert wanted == pytest.approx(found, rel=1e-5)
