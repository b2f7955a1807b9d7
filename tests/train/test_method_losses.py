"""What every phase of UMT, DMCL, kd, baseline and teacher minimises, against float64 twins written
from the papers, and whom the gradients reach; and that no method's gradients diverge on black
images.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from auxdrive.cards import PreprocessingSpec
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import Setup
from auxdrive_train.models.build import Build
from auxdrive_train.models.networks import Network
from auxdrive_train.tasks import make_task
from phase_losses import (
    ABSENT,
    AUX,
    CARD,
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


@pytest.fixture(scope="module")
def batch() -> Batch:
    return five_samples()


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


def test_kds_student_learns_from_the_label_and_from_a_teacher_that_has_learned_alone(
    batch: Batch,
) -> None:
    made = method("kd", beta=0.25)
    networks = networks_of(made)
    student, teacher = (outputs_of(networks[name], batch)[1] for name in ("student", "teacher"))
    assert [(phase.name, phase.epochs, phase.keep) for phase in planned(made)] == [
        ("teacher", 2, "best"),
        ("student", 2, "best"),
    ]
    assert values(phase_of(made, "teacher"), networks, batch) == {
        "task": pytest.approx(task_twin(teacher, batch).mean(), rel=1e-4)
    }
    assert [key for key, network in networks.items() if has_gradient(network)] == ["teacher"]
    assert values(phase_of(made, "student"), networks, batch) == {
        "task": pytest.approx(task_twin(student, batch).mean(), rel=1e-4),
        "distil": pytest.approx(0.25 * (((student - teacher) / SCALE) ** 2).mean(), rel=1e-4),
    }
    assert [key for key, network in networks.items() if has_gradient(network)] == ["student"]


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
@pytest.mark.parametrize(
    "name", sorted(name for name in METHODS if not METHODS[name].needs_probabilities)
)
def test_black_images_give_finite_gradients(name: str, backbone: str, batch: Batch) -> None:
    """A lens cap on every sensor: all samples are the same, nothing varies, and one sample lacks a
    modality.
    """
    entry = METHODS[name]
    build = Build(
        backbone, PreprocessingSpec(size=(66, 80)), make_task("waypoints", CARD), dropout=0.0
    )
    auxiliaries = AUX[: entry.most_auxiliaries] if entry.needs_auxiliaries else ()
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
