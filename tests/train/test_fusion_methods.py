"""Methods with a late fusion, and the kinds of multiple choice learning."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from auxdrive.errors import ConfigError
from auxdrive.modalities import Modality
from auxdrive_train.methods.modality_dropout import kept
from auxdrive_train.methods.ogm_ge import OGMGE, modulation
from auxdrive_train.methods.phases import PhaseRecord
from auxdrive_train.models.fusion import LateFusionNetwork
from hypothesis import given, settings
from hypothesis import strategies as st
from method_parts import TWO, batch, method, without

FUSED = "fused"


def names(name: str, **options: object) -> list[str]:
    made, _ = method(name, **options)
    history: list[PhaseRecord] = []
    while (phase := made.next_phase(history)) is not None:
        history.append(PhaseRecord(phase.name, phase.epochs, phase.watch, 0.0, 0.0))
    return [each.name for each in history]


def test_what_is_trained_before_the_fusion() -> None:
    alone = [f"unimodal_{m}" for m in ("rgb", *TWO)]
    student = [FUSED, "probe"]
    assert names("naive_fusion") == names("auxiliary_losses") == names("ogm_ge") == student
    assert names("modality_dropout", tune_epochs=1) == [*student, "fine-tuning"]
    assert names("pretrained_fusion") == names("umt") == alone + student
    assert names("self_distillation") == ["first", *student]
    assert names("umt", guarded=["depth"]) == ["unimodal_depth", *student]
    assert names("ume") == ["student", *alone[1:]]


def test_umt_guards_the_encoders_that_are_named() -> None:
    made, networks = method("umt", guarded=["rgb"])
    assert set(made.fusion_loss(networks, batch()).losses) == {"task", "distil rgb"}
    assert set(made.roles(networks)) == {"unimodal_rgb", FUSED, "student"}
    with pytest.raises(ConfigError, match=r"guarded names lidar.*rgb, depth, segmentation"):
        method("umt", guarded=["lidar"])


def test_the_fusion_begins_with_the_encoders_that_were_trained_alone() -> None:
    made, networks = method("pretrained_fusion")
    fused = networks[FUSED]
    assert isinstance(fused, LateFusionNetwork)
    made.begin_fusion(networks, lambda modality: batch())
    for modality in made.modalities:
        theirs = networks[f"unimodal_{modality}"].encoder.state_dict()
        ours = fused.encoders[modality.value].state_dict()
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_each_modalitys_own_head_learns_beside_the_fusions() -> None:
    samples = batch(absent=Modality.DEPTH)
    made, networks = method("auxiliary_losses", weight=0.5)
    losses = made.fusion_loss(networks, samples).losses
    assert list(losses) == ["task", "own rgb", "own depth", "own segmentation"]
    features = networks[FUSED].encode(samples)[Modality.DEPTH]
    own = networks["own_heads"].of(Modality.DEPTH)(features, samples.ego_be)
    scale = made.task.scale
    lost = ((own - samples.label) / scale).square()[1:].mean()  # the first sample has no depth
    assert losses["own depth"].item() == pytest.approx(0.5 * lost.item(), rel=1e-5)
    sum(losses.values()).backward()
    assert all(each.grad is not None for each in networks["own_heads"].parameters())


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000), m=st.integers(1, 4), b=st.integers(1, 6), drop=st.floats(0, 0.99)
)
def test_dropping_leaves_each_sample_one_of_the_modalities_that_it_has(
    seed: int, m: int, b: int, drop: float
) -> None:
    torch.manual_seed(seed)
    present = torch.rand(m, b) < 0.6
    present[seed % m] = True
    stays = kept(present, drop)
    assert not (stays & ~present).any()
    assert stays.any(dim=0).all()
    if drop == 0:
        assert torch.equal(stays, present)


def test_modalities_are_dropped_as_often_as_is_asked_for() -> None:
    torch.manual_seed(0)
    stays = kept(torch.ones(2, 200_000, dtype=torch.bool), 1 / 3)
    # each with 2/3, and with a half of the ninth in which both would go
    assert stays.float().mean(dim=1).tolist() == pytest.approx([2 / 3 + 1 / 18] * 2, abs=0.005)


def test_a_dropped_modality_is_an_absent_one() -> None:
    """Where all but the luckiest are dropped, the loss is that of samples that have it alone."""
    made, networks = method("modality_dropout", aux=(Modality.DEPTH,), drop=0.999999)
    samples = batch()
    torch.manual_seed(3)
    found = made.fusion_loss(networks, samples).losses["task"].item()
    torch.manual_seed(3)
    lots = torch.rand(2, 4)
    with torch.no_grad():
        alone = [
            networks[FUSED](without(samples, other)).prediction
            for other in (Modality.DEPTH, Modality.RGB)
        ]
    chosen = torch.where((lots[0] > lots[1])[:, None], alone[0], alone[1])
    assert found == pytest.approx(made.supervised(chosen, samples).item(), rel=1e-5)


def test_modulation_is_the_papers() -> None:
    """Peng et al. 2022, equations 8 and 9, for two modalities; a third of what is behind."""
    found = modulation({Modality.RGB: 0.6, Modality.DEPTH: 0.2}, 0.3)
    assert found == {
        Modality.RGB: pytest.approx(1 - math.tanh(0.3 * 3), rel=1e-6),
        Modality.DEPTH: 1.0,
    }
    equal = dict.fromkeys((Modality.RGB, *TWO), 0.4)
    assert set(modulation(equal, 0.3).values()) == {1.0}


def test_the_modality_that_is_ahead_gets_a_smaller_gradient_and_the_same_loss() -> None:
    samples, gradients = batch(), []
    for alpha in (0.0, 0.8):
        made, networks = method("ogm_ge", aux=(Modality.DEPTH,), alpha=alpha, noise=False)
        assert isinstance(made, OGMGE)
        with torch.no_grad():  # a head that hardly looks at depth
            networks[FUSED].head.layers[1].weight[:, 100:] *= 0.01
        step = made.fusion_loss(networks, samples)
        step.losses["task"].backward()
        first = [next(networks[FUSED].encoders[m.value].parameters()).grad for m in made.modalities]
        gradients.append((step, first))
    (plain, before), (changed, after) = gradients
    assert plain.losses["task"].item() == changed.losses["task"].item()
    for place, modality in enumerate((Modality.RGB, Modality.DEPTH)):
        torch.testing.assert_close(
            after[place], before[place] * changed.logged[f"modulation {modality}"]
        )
    assert min(changed.logged.values()) < 0.8
    assert max(changed.logged.values()) == 1.0


def test_its_noise_is_as_large_as_the_gradient() -> None:
    from auxdrive_train.methods.ogm_ge import _Modulated

    torch.manual_seed(0)
    gradient = 3.0 * torch.randn(200, 500)
    changed = _Modulated(0.5, noise=True)(gradient)
    added = changed - 0.5 * gradient
    assert added.std().item() == pytest.approx(1.5, rel=0.02)
    assert abs(float((added * gradient).mean())) < 0.05


def test_self_distillation_learns_from_the_first_fusion_and_not_the_reverse() -> None:
    made, networks = method("self_distillation")
    networks[FUSED].load_state_dict(networks["first"].state_dict())
    losses = made.fusion_loss(networks, batch()).losses
    assert losses["distil"].item() == 0.0
    with torch.no_grad():
        next(networks[FUSED].head.parameters()).add_(0.1)
    losses = made.fusion_loss(networks, batch()).losses
    assert losses["distil"].item() > 0
    losses["distil"].backward()
    assert all(each.grad is None for each in networks["first"].parameters())
    made, networks = method("self_distillation", loss="hint", beta=2.0)
    step = made.fusion_loss(networks, batch())
    ours, theirs = (networks[name](batch()).features for name in (FUSED, "first"))
    wanted = 2.0 * (ours - theirs).square().mean().item()
    assert step.losses["distil"].item() == pytest.approx(wanted, rel=1e-5)


def test_the_ensemble_weighs_as_it_is_told_and_leaves_out_what_is_absent() -> None:
    samples = batch(absent=Modality.DEPTH)
    made, networks = method("ume", aux=(Modality.DEPTH,), weights={"rgb": 3.0})
    roles = made.roles(networks)
    with torch.no_grad():
        rgb, depth, both = (
            roles[name](samples).prediction for name in ("student", "unimodal_depth", "ensemble")
        )
    torch.testing.assert_close(both[1:], (3 * rgb[1:] + depth[1:]) / 4)
    torch.testing.assert_close(both[0], rgb[0])
    with pytest.raises(ConfigError, match="weights names lidar"):
        method("ume", weights={"lidar": 1.0})


def learned(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Each network's gradient at its own predictions of four samples, (M, B), and its error."""
    made, _ = method(name, aux=(Modality.DEPTH,))
    predictions = torch.tensor([[0.1, 0.4, -0.2, 0.0], [0.2, 0.1, -0.3, 0.5]])[:, :, None]
    predictions = (predictions * made.task.scale).requires_grad_(True)
    label, present = torch.zeros(4, 1), torch.ones(2, 4, dtype=torch.bool)
    torch.manual_seed(0)
    losses, _ = made.shared(predictions, label, present)
    (gradient,) = torch.autograd.grad(losses.sum(), predictions)
    scale = made.task.scale
    return gradient[:, :, 0].numpy() * scale, predictions.detach()[:, :, 0].numpy() / scale


def test_who_learns_what_from_whom() -> None:
    """Of the squared error the gradient is twice the distance from what is learned."""
    gradient, predicted = learned("independent")
    np.testing.assert_allclose(gradient, 2 * predicted, rtol=1e-5)
    winner = np.abs(predicted).argmin(axis=0)
    wins = np.arange(2)[:, None] == winner
    gradient, predicted = learned("smcl")
    np.testing.assert_allclose(gradient, np.where(wins, 2 * predicted, 0.0), rtol=1e-5)
    gradient, predicted = learned("dmcl")
    taught = predicted[winner, np.arange(4)]
    half = 2 * predicted - taught  # half of it from the label, half from the winner
    np.testing.assert_allclose(gradient, np.where(wins, 2 * predicted, half), rtol=1e-5, atol=1e-6)


def test_a_random_teacher_is_any_network_that_sees_the_sample() -> None:
    made, _ = method("random_teacher")
    present = torch.ones(3, 600, dtype=torch.bool)
    present[2, :300] = False
    torch.manual_seed(0)
    _, teacher = made.shared(torch.randn(3, 600, 1), torch.zeros(600, 1), present)
    first, second = (np.bincount(half, minlength=3) for half in (teacher[:300], teacher[300:]))
    assert first[2] == 0
    assert first[:2].min() > 110
    assert second.min() > 70
