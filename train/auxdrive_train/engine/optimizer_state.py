"""What checkpoints hold of an optimiser, and how it is restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Optimizer

from auxdrive_train.engine.checkpoint import Slots, refuse_foreign_tensors


def optimizer_state(optimizer: Optimizer) -> dict[int, Slots]:
    """A detached copy of an optimiser's state, by the parameters' numbers."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        index: {slot: torch.as_tensor(value).clone() for slot, value in slots.items()}
        for index, slots in state.items()
    }


def restore_optimizer(
    optimizer: Optimizer, state: Mapping[int, Mapping[str, Tensor]], path: str
) -> None:
    """Load the state of an AdamW, or of an SGD with momentum.

    Args:
        optimizer: over the same parameters, in the same order, as the stored one.
        state: as returned by `optimizer_state`.
        path: the file it comes from, for the message.

    Raises:
        DataError: the state belongs to other parameters or to another optimiser.
    """
    fresh = optimizer.state_dict()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    wanted: dict[str, Tensor] = {}
    for index, parameter in enumerate(parameters):
        if index in state:  # a parameter that never had a gradient has no state
            moments = torch.empty_like(parameter, device="meta")
            if isinstance(optimizer, SGD):
                wanted[f"{index}/momentum_buffer"] = moments
                continue
            wanted |= {
                f"{index}/step": torch.empty((), device="meta"),
                f"{index}/exp_avg": moments,
                f"{index}/exp_avg_sq": moments,
            }
    found = {
        f"{index}/{slot}": tensor
        for index, slots in state.items()
        for slot, tensor in slots.items()
    }
    refuse_foreign_tensors(wanted, found, f"{path}, its optimiser")
    laid = {
        index: {slot: _laid_out_as(tensor, parameters[index]) for slot, tensor in slots.items()}
        for index, slots in state.items()
    }
    optimizer.load_state_dict({"param_groups": fresh["param_groups"], "state": laid})


def _laid_out_as(tensor: Tensor, parameter: Tensor) -> Tensor:
    """The tensor in the memory layout of its parameter. A resumed run then uses the same kernels as
    an uninterrupted one, and takes the same steps bit for bit.
    """
    return (
        torch.empty_like(parameter, device="cpu").copy_(tensor)
        if tensor.shape == parameter.shape
        else tensor
    )
