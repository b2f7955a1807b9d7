"""Architectures A, B and C, early fusion, hallucination, and MFH."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch
from auxdrive.modalities import Modality
from auxdrive_train.methods.hallucination import hallucinated
from auxdrive_train.methods.salience import kept_channels, salience
from auxdrive_train.models.masked import MaskedEncoder
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.models.predicted import PredictingEncoder, Targets
from auxdrive_train.models.streams import MeanOfHeads, Streams
from method_parts import TWO, batch, method, without
from torch import nn


def tell_apart(network: nn.Module) -> None:
    """Projections begin near zero in none of these; give every weight something of its own."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize("name", ["type_a", "early_fusion"])
def test_the_student_is_the_fused_network_without_the_auxiliaries(name: str) -> None:
    made, networks = method(name)
    tell_apart(networks)
    samples = batch()
    with torch.no_grad():
        student, whole = (networks[each](samples).prediction for each in ("student", "fused"))
        none = networks["fused"](without(samples, *TWO)).prediction
    torch.testing.assert_close(student, none, rtol=1e-6, atol=1e-7)
    assert (student - whole).abs().max() > 1e-4
    made.loss(networks, samples).losses["task"].backward()
    student = cast(SingleNetwork, networks["student"])
    assert all(p.grad is not None for p in student.head.parameters())
    assert all(p.grad is not None for p in student.encoder.parameters())


def test_a_predicted_auxiliary_is_compared_with_what_its_network_would_see() -> None:
    """Depth by its squared error, classes by cross-entropy with their shares of each place."""
    made, networks = method("type_b")
    samples, targets = batch(absent=Modality.DEPTH), cast(Targets, networks["targets"])
    rng = np.random.default_rng(3)
    with torch.no_grad():
        whole = {m: targets.inputs[m.value](samples.frames[m]).double().numpy() for m in TWO}
    for modality in TWO:
        channels = whole[modality].shape[1]
        assert targets.channels[modality] == channels
        guess = rng.normal(size=(4, channels, 33, 20))
        wanted = whole[modality].reshape(4, channels, 33, 2, 20, 4).mean(axis=(3, 5))
        if modality is Modality.SEGMENTATION:
            shares = np.exp(guess) / np.exp(guess).sum(axis=1, keepdims=True)
            each = -(wanted * np.log(shares)).sum(axis=1).mean(axis=(1, 2))
        else:
            each = ((guess - wanted) ** 2).mean(axis=(1, 2, 3))
        seen = each[1:] if modality is Modality.DEPTH else each
        found = targets.lost(torch.tensor(guess), samples, modality)
        assert float(found) == pytest.approx(seen.mean(), rel=1e-5)
    assert made.options.auxiliary_weight == 1.0


def test_type_b_uses_what_it_predicts() -> None:
    made, networks = method("type_b", auxiliary_weight=0.25)
    tell_apart(networks)
    student, samples = cast(SingleNetwork, networks["student"]), batch()
    encoder = cast(PredictingEncoder, student.encoder)
    step = made.loss(networks, samples)
    with torch.no_grad():
        prediction = student(samples).prediction
        assert step.losses["task"].item() == pytest.approx(
            made.supervised(prediction, samples).item(), rel=1e-6
        )
        images = student.input(samples.frames[Modality.RGB])
        predicted = encoder.predicted(images)
        lost = cast(Targets, networks["targets"]).lost(predicted[TWO[0]], samples, TWO[0])
        assert step.losses["predicted depth"].item() == pytest.approx(0.25 * lost.item(), rel=1e-6)
    step.losses["task"].backward()
    for part in (encoder.decoders, encoder.stems, encoder.projections, encoder.looking):
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    with torch.no_grad():
        encoder.decoders[TWO[0].value][2].bias.add_(1.0)
        assert (student(samples).prediction - prediction).abs().max() > 1e-5


def test_type_c_leaves_nothing_behind() -> None:
    """Its student is the baseline's network; the decoders' loss reaches its encoder."""
    made, networks = method("type_c")
    _, plain = method("baseline", aux=())
    assert networks["student"].state_dict().keys() == plain["student"].state_dict().keys()
    step = made.loss(networks, batch())
    assert list(step.losses) == ["task", "predicted depth", "predicted segmentation"]
    step.losses["predicted depth"].backward()
    student = cast(SingleNetwork, networks["student"])
    assert next(student.encoder.parameters()).grad.abs().sum() > 0
    assert all(p.grad is None for p in student.head.parameters())
    assert networks["decoders"].decoders["depth"][2].weight.grad is not None


def test_streams_are_their_encoders_side_by_side() -> None:
    _, networks = method("hallucination")
    student, samples = cast(SingleNetwork, networks["student"]), batch()
    streams, heads = cast(Streams, student.encoder), cast(MeanOfHeads, student.head)
    with torch.no_grad():
        output = student(samples, ("conv5",))
        images = student.input(samples.frames[Modality.RGB])
        each = [stream(images) for stream in streams.streams]
        mean = torch.stack([h(f, samples.ego_be) for h, f in zip(heads.heads, each, strict=True)])
    torch.testing.assert_close(output.features, torch.cat(each, dim=1))
    torch.testing.assert_close(output.prediction, mean.mean(dim=0))
    assert output.maps["conv5"].shape[1] == student.widths.maps["conv5"] == 3 * 64
    assert streams.published == tuple(streams.streams)


@pytest.mark.parametrize("name", ["hallucination", "staged_hallucination"])
def test_streams_begin_as_their_modalities_networks_where_those_fit(name: str) -> None:
    """The first layer of a stream sees RGB, which that of depth does not fit."""
    made, networks = method(name)
    student = cast(SingleNetwork, networks["student"])
    fresh = {k: v.clone() for k, v in student.encoder.state_dict().items()}
    made.begin_student(networks, lambda modality: batch())
    stream = cast(Streams, student.encoder).streams[1].state_dict()
    theirs = networks["unimodal_depth"].encoder.state_dict()
    first = next(key for key in theirs if theirs[key].shape != stream[key].shape)
    assert torch.equal(stream[first], fresh[f"encoders.1.{first}"])
    assert all(torch.equal(stream[key], theirs[key]) for key in theirs if key != first)
    if name == "staged_hallucination":
        own = cast(Streams, student.encoder).streams[0].state_dict()
        rgb = networks["unimodal_rgb"].encoder.state_dict()
        assert all(torch.equal(own[key], rgb[key]) for key in rgb)


def test_the_hallucination_loss_is_the_papers() -> None:
    """Hoffman et al. 2016, equation 1, by elements."""
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    wanted = [
        np.mean(
            [(1 / (1 + np.exp(-a)) - 1 / (1 + np.exp(-b))) ** 2 for a, b in zip(*rows, strict=True)]
        )
        for rows in zip(ours, theirs, strict=True)
    ]
    found = hallucinated(torch.tensor(ours), torch.tensor(theirs))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12)


def test_the_auxiliaries_networks_are_frozen_while_they_are_imitated() -> None:
    for name in ("hallucination", "staged_hallucination"):
        made, networks = method(name)
        step = made.student_loss(networks, batch(absent=Modality.DEPTH))
        torch.stack(list(step.losses.values())).sum().backward()
        for key, network in networks.items():
            grads = [p.grad is not None for p in network.parameters()]
            assert all(grads) if key == "student" else not any(grads)


def test_channels_that_both_modalities_have_are_salient() -> None:
    """Two channels tell what the other modality tells, one nothing, and one noise alone."""
    rng = torch.Generator().manual_seed(0)
    shared = torch.randn(5000, 2, generator=rng)
    own = torch.randn(5000, 2, generator=rng)
    channels = torch.cat([shared, own], dim=1)
    weights = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0]]).T
    found = salience(channels, lambda c: c @ weights, shared @ weights[:2], permutations=5)
    assert found[0] == 1.0
    # of independent values the squared distance is twice the variance: 2 and 2 / 4
    assert found[1].item() == pytest.approx(0.25, abs=0.05)
    assert found[2:].tolist() == [0.0, 0.0]
    assert kept_channels(found, "general", 0.5).tolist() == [1, 1, 0, 0]
    assert kept_channels(found, "specific", 0.5).tolist() == [0, 0, 1, 1]
    assert kept_channels(found, "regular", 0.5).tolist() == [1] * 4
    assert kept_channels(found, "random", 0.5).sum() == 2
    assert kept_channels(found, "general", 0.99).tolist() == [1, 0, 0, 0]


def test_mfhs_teacher_is_the_auxiliarys_network_with_channels_nullified() -> None:
    samples = batch((Modality.RGB, Modality.DEPTH))
    made, networks = method("mfh", aux=(Modality.DEPTH,), share=0.75, permutations=1)
    teacher = cast(SingleNetwork, networks["teacher"])
    made._nullify(networks, lambda modality: samples)
    encoder = cast(MaskedEncoder, teacher.encoder)
    assert encoder.mask.sum() == 12
    kept = networks["salience"].channels[encoder.mask.bool()]
    assert kept.min() >= networks["salience"].channels[~encoder.mask.bool()].max()
    with torch.no_grad():
        encoder.mask.fill_(1.0)
        same = networks["aligned_auxiliary"](samples).prediction
        torch.testing.assert_close(teacher(samples).prediction, same)


def test_mfhs_student_weighs_labels_and_teacher_by_rho() -> None:
    samples = batch((Modality.RGB, Modality.DEPTH), absent=Modality.DEPTH)
    made, networks = method("mfh", aux=(Modality.DEPTH,), rho=0.25)
    losses = made._student_loss(networks, samples).losses
    with torch.no_grad():
        ours, theirs = (networks[name](samples).prediction for name in ("student", "teacher"))
    scale = made.task.scale
    task = ((ours - samples.label) / scale).square().mean().item()
    distilled = ((ours - theirs) / scale).square()[1:].mean().item()
    assert losses["task"].item() == pytest.approx(0.25 * task, rel=1e-5)
    assert losses["distil"].item() == pytest.approx(0.75 * distilled, rel=1e-5)
    none = made._student_loss(networks, without(samples, Modality.DEPTH)).losses
    assert list(none) == ["task"]
