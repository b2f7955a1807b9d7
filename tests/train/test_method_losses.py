"""What every phase of a method minimises, against float64 twins written from the papers, and whom
the gradients reach.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from auxdrive.cards import CameraSpec, DatasetCard, PreprocessingSpec
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import Method, Setup
from auxdrive_train.methods.phases import Phase, PhaseRecord
from auxdrive_train.models.networks import Build, Network, Output
from auxdrive_train.tasks import make_task
from torch import nn

CARD = DatasetCard(
    name="t", rate_hz=4, modalities=(Modality.RGB,), camera=CameraSpec(width=90, height=70)
)
AUX = (Modality.DEPTH, Modality.EDGE)
SCALE = math.radians(10.0)
# Weights of the losses in RepDistiller's README and code.
BETA = {"kd": 0.9, "hint": 100.0, "rkd": 1.0}
ABSENT = 1  # the sample that lacks depth


def method(name: str, **options: object) -> Method:
    entry = METHODS[name]
    build = Build(
        "pilotnet", PreprocessingSpec(size=(66, 80)), make_task("steering", CARD), dropout=0.0
    )
    return entry(Setup(Modality.RGB, AUX, build, 2), entry.options_type.model_validate(options))


def networks_of(made: Method) -> nn.ModuleDict:
    """Fresh networks; projections are random, so that a teacher sees its auxiliaries."""
    torch.manual_seed(5)
    networks = made.trained_modules(samples=5)
    for name, parameter in networks.named_parameters():
        if "projections" in name:
            nn.init.normal_(parameter, std=0.3)
    return networks.eval()


@pytest.fixture(scope="module")
def batch() -> Batch:
    rng = np.random.default_rng(0)
    frames = {
        Modality.RGB: torch.from_numpy(rng.integers(0, 256, (5, 70, 90, 3), dtype=np.uint8)),
        Modality.DEPTH: torch.from_numpy(rng.integers(100, 9000, (5, 70, 90)).astype(np.uint16)),
        Modality.EDGE: torch.from_numpy(rng.integers(0, 256, (5, 70, 90), dtype=np.uint8)),
    }
    present = {modality: torch.ones(5, dtype=torch.bool) for modality in frames}
    present[Modality.DEPTH][ABSENT] = False
    return Batch(
        frames,
        present,
        torch.zeros(5, 0),
        torch.from_numpy(rng.normal(0, 0.2, (5, 1)).astype(np.float32)),
        torch.arange(5),
    )


def planned(made: Method) -> Iterator[Phase]:
    history: list[PhaseRecord] = []
    while (phase := made.next_phase(history)) is not None:
        yield phase
        history.append(PhaseRecord(phase.name, phase.epochs, phase.watch, 0.0, 0.0))


def phase_of(made: Method, name: str) -> Phase:
    return next(phase for phase in planned(made) if phase.name == name)


def values(phase: Phase, networks: nn.ModuleDict, batch: Batch) -> dict[str, float]:
    """The losses by name, after their gradients have been computed (afresh)."""
    networks.zero_grad(set_to_none=True)
    losses = phase.loss(networks, batch).losses
    torch.stack(list(losses.values())).sum().backward()
    return {name: loss.item() for name, loss in losses.items()}


def outputs_of(network: nn.Module, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Features and predictions in float64."""
    with torch.no_grad():
        output: Output = network(batch)
    return output.features.double().numpy(), output.prediction.double().numpy()


def task_twin(prediction: np.ndarray, batch: Batch) -> np.ndarray:
    """(B,): AML's squared error in units of 10 degrees."""
    return np.asarray((((prediction - batch.label.double().numpy()) / SCALE) ** 2).mean(axis=1))


def has_gradient(network: nn.Module) -> bool:
    return any(
        parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        for parameter in network.parameters()
    )


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


def test_umts_unimodal_networks_learn_where_their_modality_is(batch: Batch) -> None:
    made = method("umt")
    networks = networks_of(made)
    for modality in (Modality.RGB, *AUX):
        name = f"unimodal_{modality}"
        losses = task_twin(outputs_of(networks[name], batch)[1], batch)
        counted = np.arange(5) != ABSENT if modality is Modality.DEPTH else np.ones(5, dtype=bool)
        assert values(phase_of(made, name), networks, batch) == {
            "task": pytest.approx(losses[counted].mean(), rel=1e-4)
        }
        assert [key for key, network in networks.items() if has_gradient(network)] == [name]


def test_umts_fusion_is_guarded_by_each_modalitys_own_teacher(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = method("umt", distil_weight=7.0)
    networks = networks_of(made)
    fused: Network = networks["fused"]
    with torch.no_grad():
        inside = {m: f.double().numpy() for m, f in fused.encode(batch).items()}
    phase = phase_of(made, "fused")
    # The scale is that of the frozen encoders' features over samples that have the modality.
    full = replace(
        batch, present={modality: torch.ones(5, dtype=torch.bool) for modality in batch.frames}
    )
    teachers = {m: outputs_of(networks[f"unimodal_{m}"], full)[0] for m in inside}
    monkeypatch.setattr("auxdrive_train.methods.umt.SMALLEST_VARIANCE", 0.0)
    assert phase.begin is not None
    phase.begin(networks, lambda _: full)
    found = values(phase, networks, batch)
    wanted = {"task": task_twin(outputs_of(fused, batch)[1], batch).mean()}
    for modality in (Modality.RGB, *AUX):
        teacher = outputs_of(networks[f"unimodal_{modality}"], batch)[0]
        gap = ((teacher - inside[modality]) ** 2).mean(axis=1)
        gap = gap[np.arange(5) != ABSENT] if modality is Modality.DEPTH else gap
        wanted[f"distil {modality}"] = 7.0 * gap.mean() / teachers[modality].var(axis=0).mean()
    assert found == pytest.approx(wanted, rel=1e-3)
    assert [key for key, network in networks.items() if has_gradient(network)] == ["fused"]


def test_umts_student_is_the_fusions_rgb_encoder_with_a_head_fitted_on_it(batch: Batch) -> None:
    made = method("umt", tune_epochs=1)
    networks = networks_of(made)
    head_before = [parameter.clone() for parameter in networks["student"].head.parameters()]
    probe, tuning = phase_of(made, "probe"), phase_of(made, "fine-tuning")
    assert probe.trains == ("student.head",)
    assert tuning.trains == ("student",)
    assert tuning.begin is None
    assert probe.begin is not None
    probe.begin(networks, lambda _: batch)
    for name, wanted in networks["fused"].encoders["rgb"].state_dict().items():
        assert torch.equal(networks["student"].encoder.state_dict()[name], wanted)
    assert all(
        torch.equal(a, b)
        for a, b in zip(head_before, networks["student"].head.parameters(), strict=True)
    )
    for phase in (probe, tuning):
        found = values(phase, networks, batch)
        assert found == {
            "task": pytest.approx(
                task_twin(outputs_of(networks["student"], batch)[1], batch).mean(), rel=1e-4
            )
        }


@pytest.mark.parametrize("soft_weight", [0.0, 0.3, 1.0])
def test_dmcls_winners_learn_from_labels_and_losers_also_from_winners(
    soft_weight: float, batch: Batch
) -> None:
    made = method("dmcl", soft_weight=soft_weight)
    networks = networks_of(made)
    names = ["student", "depth_network", "edge_network"]
    predictions = [outputs_of(networks[name], batch)[1] for name in names]
    hard = np.stack([task_twin(prediction, batch) for prediction in predictions])
    winner = np.where(
        np.arange(3)[:, None] == 1, np.where(np.arange(5) == ABSENT, np.inf, hard), hard
    ).argmin(axis=0)
    wanted = {}
    for m, name in enumerate(names):
        taught = np.stack([predictions[winner[i]][i] for i in range(5)])
        soft = (((predictions[m] - taught) / SCALE) ** 2).mean(axis=1)
        mixed = np.where(winner == m, hard[m], (1 - soft_weight) * hard[m] + soft_weight * soft)
        wanted[name] = np.delete(mixed, ABSENT).mean() if m == 1 else mixed.mean()
    phase = phase_of(made, "together")
    assert phase.trains == tuple(names)
    assert values(phase, networks, batch) == pytest.approx(wanted, rel=1e-4)
    logged = phase.loss(networks, batch).logged
    assert logged == {
        f"wins {name}": pytest.approx((winner == m).mean()) for m, name in enumerate(names)
    }


def test_dmcls_ensemble_averages_the_networks_whose_modality_is_there(batch: Batch) -> None:
    made = method("dmcl")
    networks = networks_of(made)
    predictions = np.stack(
        [
            outputs_of(networks[name], batch)[1]
            for name in ("student", "depth_network", "edge_network")
        ]
    )
    wanted = predictions.mean(axis=0)
    wanted[ABSENT] = predictions[[0, 2], ABSENT].mean(axis=0)
    np.testing.assert_allclose(
        outputs_of(made.roles(networks)["ensemble"], batch)[1], wanted, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", ["teacher", "baseline"])
def test_the_baseline_and_the_teacher_learn_from_the_label(name: str, batch: Batch) -> None:
    entry = METHODS[name]
    build = Build(
        "pilotnet", PreprocessingSpec(size=(66, 80)), make_task("steering", CARD), dropout=0.0
    )
    made = entry(
        Setup(Modality.RGB, AUX if entry.needs_auxiliaries else (), build, 2),
        entry.options_type(),
    )
    networks = networks_of(made)
    (phase,) = planned(made)
    network = made.roles(networks)[phase.watch]
    assert values(phase, networks, batch) == {
        "task": pytest.approx(task_twin(outputs_of(network, batch)[1], batch).mean(), rel=1e-4)
    }
    if entry.needs_auxiliaries:
        assert has_gradient(network.projections)


@pytest.mark.parametrize("backbone", ["pilotnet", "pilotnet_bn"])
@pytest.mark.parametrize("name", sorted(METHODS))
def test_black_images_give_finite_gradients(name: str, backbone: str, batch: Batch) -> None:
    """A lens cap on every sensor: all samples are the same, nothing varies, and one sample lacks a
    modality.
    """
    entry = METHODS[name]
    build = Build(
        backbone, PreprocessingSpec(size=(66, 80)), make_task("waypoints", CARD), dropout=0.0
    )
    auxiliaries = AUX if entry.needs_auxiliaries else ()
    options = {"epochs_per_round": 1} if name == "samd" else {}
    made = entry(
        Setup(Modality.RGB, auxiliaries, build, 2), entry.options_type.model_validate(options)
    )
    networks = networks_of(made).train()
    frames = {
        modality: torch.zeros_like(frame.view(torch.int16)).view(frame.dtype)
        if frame.dtype == torch.uint16
        else frame * 0
        for modality, frame in batch.frames.items()
    }
    black = Batch(frames, batch.present, torch.zeros(5, 3), torch.zeros(5, 4, 2), batch.index)
    for phase in planned(made):
        assert all(math.isfinite(value) for value in values(phase, networks, black).values())
        assert all(
            bool(torch.isfinite(p.grad).all()) for p in networks.parameters() if p.grad is not None
        )
