"""at and fsp, which compare maps, against NumPy float64 twins, by loops, from the papers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from auxdrive.errors import ConfigError
from auxdrive_train.losses.at import AT
from auxdrive_train.losses.contract import LossSetup, make_loss
from auxdrive_train.losses.fsp import FSP
from auxdrive_train.models.maps import Widths
from auxdrive_train.models.networks import Output
from loss_inputs import TASK, batch_of

B = 3
SHAPES = {"first": (2, 4, 6), "second": (3, 2, 3), "third": (3, 2, 3)}
WIDTHS = Widths(4, {name: shape[0] for name, shape in SHAPES.items()})
SETUP = LossSetup(TASK, WIDTHS, WIDTHS, samples=7)


def maps(seed: int, shapes: dict[str, tuple[int, int, int]] = SHAPES) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(B, *shape)) for name, shape in shapes.items()}


def given(found: dict[str, np.ndarray]) -> Output:
    tensors = {name: torch.tensor(each) for name, each in found.items()}
    return Output(torch.zeros(B, 4).double(), torch.zeros(B, 1).double(), tensors)


def smaller(each: np.ndarray, height: int, width: int) -> np.ndarray:
    """Averages of whole blocks."""
    b, c, h, w = each.shape
    return each.reshape(b, c, height, h // height, width, w // width).mean(axis=(3, 5))


def at_twin(student: dict[str, np.ndarray], teacher: dict[str, np.ndarray]) -> float:
    """Zagoruyko and Komodakis 2017, equation 2 with p = 2, squared as in their code."""

    def attention(each: np.ndarray, row: int) -> np.ndarray:
        where = sum(each[row, c] ** 2 for c in range(each.shape[1])).ravel()
        return where / math.sqrt(float(where @ where))

    total = 0.0
    for name in student:
        gaps = [attention(student[name], row) - attention(teacher[name], row) for row in range(B)]
        total += sum(float(gap @ gap) for gap in gaps) / (B * gaps[0].size)
    return total


def fsp_twin(student: dict[str, np.ndarray], teacher: dict[str, np.ndarray]) -> float:
    """Yim et al. 2017, equations 1 and 2, from each map to the next."""

    def flow(found: dict[str, np.ndarray], one: str, other: str, row: int) -> np.ndarray:
        first, second = found[one], found[other]
        height, width = (min(first.shape[axis], second.shape[axis]) for axis in (2, 3))
        first, second = (smaller(each, height, width)[row] for each in (first, second))
        total = np.zeros((len(first), len(second)))
        for s in range(height):
            for t in range(width):
                total += np.outer(first[:, s, t], second[:, s, t])
        return total / (height * width)

    pairs = [("first", "second"), ("second", "third")]
    gaps = [
        np.mean([(flow(student, *pair, row) - flow(teacher, *pair, row)) ** 2 for row in range(B)])
        for pair in pairs
    ]
    return float(np.mean(gaps))


@pytest.mark.parametrize("seed", range(3))
def test_they_equal_their_twins(seed: int) -> None:
    student, teacher = maps(seed), maps(seed + 100)
    for loss, twin in ((AT(SETUP), at_twin), (FSP(SETUP), fsp_twin)):
        found = loss(given(student), given(teacher), batch_of(B))
        assert found.item() == pytest.approx(twin(student, teacher), rel=1e-9)
        assert loss(given(teacher), given(teacher), batch_of(B)).item() == 0.0


@pytest.mark.parametrize("entry", [AT, FSP])
def test_the_gradient_is_right(entry: type[AT] | type[FSP]) -> None:
    loss, teacher = entry(SETUP), given(maps(1))
    parts = [torch.tensor(each).requires_grad_(True) for each in maps(2).values()]

    def cost(*each: torch.Tensor) -> torch.Tensor:
        own = given(maps(3))
        return loss(
            Output(own.features, own.prediction, dict(zip(SHAPES, each, strict=True))),
            teacher,
            batch_of(B),
        )

    assert torch.autograd.gradcheck(cost, parts)


def test_attention_compares_maps_of_other_sizes_and_channels() -> None:
    """The larger one is averaged first; how large a map is as a whole does not matter."""
    wide = Widths(4, {"first": 2})
    narrow = maps(5, {"first": (2, 4, 6)})
    blocks = {"first": np.repeat(np.repeat(narrow["first"], 2, axis=2), 2, axis=3) * 3.0}
    blocks["first"] = np.concatenate([blocks["first"]] * 2, axis=1)
    loss = AT(LossSetup(TASK, wide, Widths(4, {"first": 4}), samples=7))
    assert loss(given(narrow), given(blocks), batch_of(B)).item() == pytest.approx(0.0, abs=1e-12)


def test_networks_without_maps_in_common_are_refused() -> None:
    other = Widths(4, {"stem": 2})
    for name, wanted in (("at", "at least 1 map,"), ("fsp", "at least 2 maps")):
        with pytest.raises(ConfigError, match=wanted):
            make_loss(name, LossSetup(TASK, WIDTHS, other, samples=7))
    wider = Widths(4, {**WIDTHS.maps, "second": 8})
    with pytest.raises(ConfigError, match="'second' has 3 in the student and 8 in the teacher"):
        make_loss("fsp", LossSetup(TASK, WIDTHS, wider, samples=7))
    make_loss("at", LossSetup(TASK, WIDTHS, wider, samples=7))
