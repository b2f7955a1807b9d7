"""Methods: their order of phases, who learns from whom, and what is frozen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from auxdrive.cards import CameraSpec, DatasetCard, PreprocessingSpec
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import Setup
from auxdrive_train.methods.multiple_choice import choose
from auxdrive_train.methods.phases import PhaseRecord, no_longer_improves
from auxdrive_train.methods.taught import taught
from auxdrive_train.models.build import Build
from auxdrive_train.tasks import make_task
from hypothesis import given, settings
from hypothesis import strategies as st

CARD = DatasetCard(
    name="t", rate_hz=4, modalities=(Modality.RGB,), camera=CameraSpec(width=90, height=70)
)


def method(
    name: str,
    epochs: int = 4,
    aux: tuple[Modality, ...] = (Modality.DEPTH, Modality.LIDAR),
    **options,
):
    entry = METHODS[name]
    build = Build("pilotnet", PreprocessingSpec(size=(66, 80)), make_task("steering", CARD))
    return entry(Setup(Modality.RGB, aux, build, epochs), entry.options_type(**options))


def phases(made, metric=lambda index: float(index)):
    history: list[PhaseRecord] = []
    seen = []
    while (phase := made.next_phase(history)) is not None:
        seen.append(phase)
        history.append(
            PhaseRecord(phase.name, phase.epochs, phase.watch, metric(len(history)), 0.0)
        )
        assert len(seen) < 100
    return seen


def test_samd_alternates_and_stops_once_the_student_has_converged() -> None:
    planned = phases(method("samd", epochs=6, epochs_per_round=2))
    assert [phase.name for phase in planned] == [
        f"round {r}: {who}" for r in (1, 2, 3) for who in ("teacher", "student")
    ]
    assert [phase.lr_span for phase in planned if phase.watch == "student"] == [
        (0, 1 / 3),
        (1 / 3, 2 / 3),
        (2 / 3, 1),
    ]
    # What counts is what a round ends with (always 0 here): its best epoch, which improves, is not
    # kept.
    assert (
        len(
            phases(
                method("samd", epochs=20, epochs_per_round=2, patience=2),
                metric=lambda index: -index,
            )
        )
        == 6
    )


@pytest.mark.parametrize(
    ("epochs", "k", "lengths"), [(7, 3, [3, 3, 1]), (2, 5, [2]), (6, 2, [2, 2, 2]), (1, 1, [1])]
)
def test_samds_last_round_has_what_is_left_of_the_epochs(
    epochs: int, k: int, lengths: list[int]
) -> None:
    planned = phases(method("samd", epochs=epochs, epochs_per_round=k))
    assert [phase.epochs for phase in planned] == [n for n in lengths for _ in range(2)]
    ends = np.cumsum([0, *lengths]) / epochs
    assert [phase.lr_span for phase in planned[::2]] == list(pairwise(ends))
    assert phases(method("samd", epochs=2))[0].epochs == 2  # k is 5 by default


@pytest.mark.parametrize("rounds", [2, 3, 4])
def test_samd_has_three_rounds_patience_by_default_so_short_runs_are_whole(rounds: int) -> None:
    assert len(phases(method("samd", epochs=2 * rounds, epochs_per_round=2))) == 2 * rounds
    assert len(phases(method("samd", epochs=20, epochs_per_round=2))) == 2 * 4
    assert len(phases(method("samd", epochs=20, epochs_per_round=2, patience=0))) == 2 * 10


def test_umt_trains_each_modality_then_the_fusion_then_the_probe() -> None:
    names = [phase.name for phase in phases(method("umt", tune_epochs=1))]
    assert names == [
        "unimodal_rgb",
        "unimodal_depth",
        "unimodal_lidar",
        "fused",
        "probe",
        "fine-tuning",
    ]


def dmcl_twin(
    predictions: np.ndarray, label: np.ndarray, present: np.ndarray, soft: float
) -> tuple[np.ndarray, np.ndarray]:
    """Algorithm 1 by loops, squared error."""
    networks, samples = predictions.shape
    losses, winners = np.zeros((networks, samples)), np.zeros(samples, dtype=int)
    for i in range(samples):
        hard = [
            (predictions[m, i] - label[i]) ** 2 if present[m, i] else np.inf
            for m in range(networks)
        ]
        winner = int(np.argmin(hard))
        winners[i] = winner
        for m in range(networks):
            if present[m, i]:
                taught = (predictions[m, i] - predictions[winner, i]) ** 2
                losses[m, i] = hard[m] if m == winner else (1 - soft) * hard[m] + soft * taught
    return losses, winners


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    networks=st.integers(1, 4),
    samples=st.integers(1, 8),
    soft=st.floats(0, 1),
)
def test_dmcl_equals_its_twin(seed: int, networks: int, samples: int, soft: float) -> None:
    rng = np.random.default_rng(seed)
    predictions, label = rng.normal(size=(networks, samples)), rng.normal(size=samples)
    present = rng.random((networks, samples)) < 0.7
    present[0] = True
    wanted, winners = dmcl_twin(predictions, label, present, soft)
    losses, winner = choose(
        lambda p, t: (p - t).square().flatten(1).mean(dim=1),
        torch.tensor(predictions).unsqueeze(2), torch.tensor(label).unsqueeze(1),
        torch.tensor(present), soft,
    )  # fmt: skip
    np.testing.assert_allclose(losses.numpy(), wanted, rtol=1e-12, atol=1e-12)
    assert (winner.numpy() == winners).all()


def test_dmcl_sends_no_gradient_into_the_winner_through_the_losers() -> None:
    predictions = torch.tensor([[[0.1]], [[2.0]]], dtype=torch.float64, requires_grad=True)
    losses, winner = choose(
        lambda p, t: (p - t).square().flatten(1).mean(dim=1),
        predictions,
        torch.zeros(1, 1, dtype=torch.float64),
        torch.ones(2, 1, dtype=torch.bool),
        1.0,
    )
    assert winner.tolist() == [0]
    losses[1].sum().backward()
    assert predictions.grad[0].abs().sum() == 0
    assert float(predictions.grad[1]) == pytest.approx(2 * (2.0 - 0.1))


def test_convergence_between_rounds() -> None:
    assert not no_longer_improves([1, 2, 3], True, 2, 0.0)
    assert no_longer_improves([3, 2, 2.5], True, 2, 0.1)
    assert not no_longer_improves([3, 2, 1], False, 2, 0.1)
    assert not no_longer_improves([1, 1, 1], True, 0, 0.1)
    # A gain of no more than `min_delta` is none.
    assert no_longer_improves([3, 3.05], True, 1, 0.1)
    assert not no_longer_improves([3, 3.15], True, 1, 0.1)
    assert no_longer_improves([3, 2.95], False, 1, 0.1)
    assert not no_longer_improves([3], True, 1, 0.1)


def test_selection_finds_the_informative_modality_and_puts_noise_last(
    stripe_data, tmp_path
) -> None:
    from auxdrive_train.commands.select import _weigh
    from auxdrive_train.engine.config_files import parse_config

    config = parse_config(
        {
            "data": str(stripe_data), "method": "selection", "aux": ["segmentation", "edge"],
            "epochs": 30, "batch_size": 8, "lr": 3e-3, "dropout": 0.0,
            "preprocessing": {"size": [64, 80]}, "threads": 1,
        }
    )  # fmt: skip
    result = _weigh(config, tmp_path / "run", resume=False)
    assert set(result["importance"]) == {"rgb", "segmentation", "edge", "noise"}
    assert result["noise_is_last"], result
    assert all(0 <= weight <= 1 for weight in result["importance"].values())


def test_kd_is_zero_right_after_the_reset_whatever_the_shared_heads_dropout_does() -> None:
    """The teacher teaches in evaluation mode although the student, whose head it shares, is
    training.
    """
    from auxdrive_train.models.supermodel import reset

    made = method("samd", aux=(Modality.DEPTH,), loss="kd", epochs_per_round=2)
    networks = made.networks()
    reset(networks["teacher"], networks["student"])
    rng = np.random.default_rng(0)
    frames = {
        Modality.RGB: torch.from_numpy(rng.integers(0, 256, (4, 70, 90, 3), dtype=np.uint8)),
        Modality.DEPTH: torch.from_numpy(rng.integers(0, 9000, (4, 70, 90)).astype(np.uint16)),
    }
    present = {modality: torch.ones(4, dtype=torch.bool) for modality in frames}
    batch = Batch(frames, present, torch.zeros(4, 0), torch.zeros(4, 1), torch.arange(4))
    networks.eval()
    networks["student"].train()
    found = [taught(networks, batch, ()).prediction for _ in range(2)]
    assert torch.equal(found[0], found[1])
    assert networks["student"].head.training
    networks.eval()
    assert torch.equal(networks["student"](batch).prediction, found[0])
