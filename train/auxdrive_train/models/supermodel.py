"""The supermodel condition, and SAMD's reset (AML, definitions A.1 and A.2).

A teacher is a supermodel of a student if some of its weights make it compute exactly what the
student computes. `reset` sets such weights: the teacher's encoder F4, F5 gets the student's F1, F2
(weights, biases and batch-norm buffers), and the last projection of each auxiliary branch becomes
zero. Setting the whole branch to zero would also satisfy the definition, but the branch would then
get no gradients.
"""

from __future__ import annotations

import torch
from auxdrive.errors import ConfigError
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.models.fusion import FusedNetwork
from auxdrive_train.models.networks import SingleNetwork


def reset(teacher: FusedNetwork, student: SingleNetwork) -> None:
    """Make the teacher compute what the student computes, whatever the auxiliaries show, bit for
    bit (in evaluation mode).

    Args:
        teacher: is changed.
        student: is copied from.

    Raises:
        ConfigError: the teacher cannot be a supermodel; the message names the layer.
    """
    _same_layers(teacher.encoder, student.encoder, "encoder")
    teacher.encoder.load_state_dict(student.encoder.state_dict())
    if teacher.head is not student.head:
        _same_layers(teacher.head, student.head, "head")
        teacher.head.load_state_dict(student.head.state_dict())
    with torch.no_grad():
        for projection in teacher.projections.values():
            for parameter in projection.parameters():
                parameter.zero_()


def _same_layers(teacher: nn.Module, student: nn.Module, where: str) -> None:
    theirs, ours = teacher.state_dict(), student.state_dict()
    for name in sorted(set(theirs) | set(ours)):
        if name not in theirs or name not in ours:
            side = "student" if name not in ours else "teacher"
            raise ConfigError(
                f"the teacher is no supermodel of the student: layer '{where}.{name}' is missing "
                f"in the {side}"
            )
        if theirs[name].shape != ours[name].shape:
            raise ConfigError(
                f"the teacher is no supermodel of the student: layer '{where}.{name}' has the "
                f"shape {tuple(theirs[name].shape)} "
                f"in the teacher and {tuple(ours[name].shape)} in the student"
            )


def check_supermodel(teacher: FusedNetwork, student: SingleNetwork, batch: Batch) -> None:
    """Reset the teacher and compare the outputs of its layers with the student's on real samples.
    Afterwards the teacher is as before.

    Args:
        teacher: the teacher.
        student: the student.
        batch: a few samples.

    Raises:
        ConfigError: an output differs; the message names the first layer that does.
    """
    kept = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    modes = teacher.training, student.training
    try:
        reset(teacher.eval(), student.eval())
        with torch.no_grad():
            theirs, ours = _outputs(teacher, batch), _outputs(student, batch)
        for name, output in ours.items():
            if not torch.equal(theirs[name], output):
                raise ConfigError(
                    f"the teacher is no supermodel of the student: after the reset layer '{name}' "
                    "still differs "
                    f"by {float((theirs[name] - output).abs().max()):.3g}; what is added before it "
                    "must vanish with a zero projection"
                )
    finally:
        teacher.load_state_dict(kept)
        teacher.train(modes[0])
        student.train(modes[1])


def _outputs(network: FusedNetwork | SingleNetwork, batch: Batch) -> dict[str, Tensor]:
    """Outputs of the encoder's layers in the order in which they run, then those of the head."""
    seen: dict[str, Tensor] = {}
    hooks = []
    for prefix, part in (("encoder", network.encoder), ("head", network.head)):
        for name, layer in part.named_modules():
            if name and not list(layer.children()):
                hooks.append(layer.register_forward_hook(_Keeper(seen, f"{prefix}.{name}")))
    try:
        seen["prediction"] = network(batch).prediction
    finally:
        for hook in hooks:
            hook.remove()
    return seen


class _Keeper:
    """A hook that keeps a layer's output; if the layer runs several times, the last one."""

    def __init__(self, seen: dict[str, Tensor], name: str) -> None:
        self.seen = seen
        self.name = name

    def __call__(self, module: nn.Module, inputs: object, output: Tensor) -> None:
        del module, inputs
        self.seen[self.name] = output.detach().clone()
