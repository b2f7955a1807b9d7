"""The moving average of the weights (`ema`), which is validated, chosen, measured and exported in
the place of the last step's weights.

In every phase it begins with the phase's first weights. After step n, counted from 0, it becomes
d * average + (1 - d) * weights with d = min(ema, (1 + n) / (10 + n)). The second term is the
warm-up of TensorFlow's `tf.train.ExponentialMovingAverage(decay, num_updates)`: without it, a short
phase would end with an average of its first weights.

Averaged are the parameters that the phase trains and their batch norms' running statistics. A
phase leaves its average behind: what its networks teach, and what a later phase goes on from, are
the averaged weights. In SAMD the teacher so teaches with its averaged weights, and the student
begins its next round with its own; its optimiser's moments go on as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import get_ema_multi_avg_fn

from auxdrive_train.models.training_only import TrainingOnly

NAME = "weight_average"
"""Of the module beside the networks."""


class WeightAverage(TrainingOnly):
    """The moving average of the weights of a run's networks and losses. It is stored and resumed
    with them.

    Args:
        networks: by name, on their device and in their final memory layout; they are trained in
            place.
        decay: d above, after the warm-up.
    """

    def __init__(self, networks: nn.ModuleDict, decay: float) -> None:
        super().__init__()
        self._decay = decay
        self._current = _averaged_tensors(networks)
        self._key_of = {id(tensor): name for name, tensor in self._current.items()}
        for name, tensor in self._current.items():
            self.register_buffer(name, tensor.detach().clone())

    @torch.no_grad()
    def begin(self) -> None:
        """Start anew from the weights as they are: a phase begins."""
        for name, tensor in self._current.items():
            self.get_buffer(name).copy_(tensor)

    def names_of(self, trained: Sequence[nn.Module]) -> list[str]:
        """The names of what is averaged of some modules, each once.

        Args:
            trained: modules among the run's networks.
        """
        tensors = [
            tensor
            for module in trained
            for part in (module.parameters(), module.buffers())
            for tensor in part
        ]
        found = (self._key_of.get(id(tensor)) for tensor in tensors)
        return list(dict.fromkeys(name for name in found if name is not None))

    def update(self, names: Sequence[str], step: int) -> None:
        """Take in the weights after an optimiser step.

        Args:
            names: of `names_of`.
            step: how many steps of the phase were taken in before.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        # torch's function has no types
        follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        follow(
            [self.get_buffer(name) for name in names],
            [self._current[name].detach() for name in names],
            None,
        )

    @torch.no_grad()
    def put(self) -> None:
        """Give the networks the averaged weights."""
        for name, tensor in self._current.items():
            tensor.copy_(self.get_buffer(name))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The networks have the averaged weights; afterwards they have their own again."""
        own = {name: tensor.detach().clone() for name, tensor in self._current.items()}
        self.put()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, tensor in self._current.items():
                    tensor.copy_(own[name])


def _averaged_tensors(networks: nn.ModuleDict) -> dict[str, Tensor]:
    """Every parameter, and the running statistics of every batch norm, by names that buffers may
    have. What several networks share stands there once.
    """
    tensors: dict[str, Tensor] = dict(networks.named_parameters())
    for place, module in networks.named_modules():
        if isinstance(module, _BatchNorm):
            for statistic in ("running_mean", "running_var"):
                if (tensor := getattr(module, statistic)) is not None:
                    tensors[f"{place}.{statistic}"] = tensor
    return {name.replace(".", "/"): tensor for name, tensor in tensors.items()}
