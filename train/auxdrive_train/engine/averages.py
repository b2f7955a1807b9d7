"""Means over the training processes. They are computed by hand, since a phase may train any
combination of networks.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer


def mean_over_processes(fabric: Fabric, values: Mapping[str, float]) -> dict[str, float]:
    """The mean of each value over all processes.

    Args:
        fabric: the processes; each must call this with the same names in the same order.
        values: this process's value by name.
    """
    if fabric.world_size == 1:
        return dict(values)
    shared = fabric.all_reduce(
        torch.tensor(list(values.values()), dtype=torch.float64, device=fabric.device),
        reduce_op="mean",
    )
    assert isinstance(shared, Tensor)
    return dict(zip(values, shared.tolist(), strict=True))


def share_gradients(fabric: Fabric, optimizer: Optimizer) -> None:
    """Replace every process's gradients by their mean over all processes.

    Args:
        fabric: the processes; all must call this after their backward pass.
        optimizer: whose parameters are meant. A parameter without a gradient counts as one of zero.
    """
    if fabric.world_size == 1:
        return
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = fabric.all_reduce(torch.cat([grad.reshape(-1) for grad in grads]), reduce_op="mean")
    assert isinstance(flat, Tensor)
    for parameter, part in zip(
        parameters, torch.split(flat, [grad.numel() for grad in grads]), strict=True
    ):
        parameter.grad = part.reshape(parameter.shape).clone()
