"""The size of gradients: of each step before it is clipped, and of each term of the loss.

The loss alone does not show which of its terms moves the weights; the gradients' norms do.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn


class GradientNorms:
    """The gradients' norms in one epoch, over all parameters that the phase trains.

    Args:
        parameters: those that the phase trains.
        clip_norm: the largest norm that is allowed; 0 allows any.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], clip_norm: float) -> None:
        self._parameters = parameters
        self._limit = clip_norm or math.inf
        self._norms: list[float] = []
        self._terms: dict[str, list[float]] = defaultdict(list)

    def measure_terms(self, losses: Mapping[str, Tensor]) -> None:
        """Measure the gradient of each term of the loss. Costs one backward pass per term; graph,
        gradients and random numbers stay as they were.
        """
        for name, loss in losses.items():
            gradients: Sequence[Tensor | None] = ()
            if loss.requires_grad:
                gradients = torch.autograd.grad(
                    loss, self._parameters, retain_graph=True, allow_unused=True
                )
            known = [gradient.float() for gradient in gradients if gradient is not None]
            self._terms[name].append(float(torch.nn.utils.get_total_norm(known)) if known else 0.0)

    def clip(self) -> float:
        """Scale the gradients down if their norm exceeds the limit. Returns the norm before
        scaling.
        """
        self._norms.append(float(nn.utils.clip_grad_norm_(self._parameters, self._limit)))
        return self._norms[-1]

    @property
    def clipped(self) -> int:
        """How many steps of the epoch were scaled down."""
        return sum(norm > self._limit for norm in self._norms)

    def summary(self) -> dict[str, float]:
        """What is logged: mean, median and largest norm before scaling, the share of steps that
        were scaled down, and the norm of each term of the loss.
        """
        norms = np.asarray(self._norms)
        return {
            "gradient/mean": float(norms.mean()),
            "gradient/median": float(np.median(norms)),
            "gradient/max": float(norms.max()),
            "gradient/clipped": self.clipped / len(norms),
            **{
                f"gradient_of/{name}": float(np.mean(values))
                for name, values in self._terms.items()
            },
        }


def said_of_clipping(phase: str, clipped: int, steps: int, clip_norm: float) -> str:
    """The message for a phase in which most steps were clipped.

    Args:
        phase: the phase's name.
        clipped: how many of its steps were scaled down.
        steps: how many steps it had.
        clip_norm: the largest norm that the config allows.
    """
    return (
        f"{phase}: {clipped} of {steps} steps had a gradient longer than clip_norm ({clip_norm:g}) "
        "and were scaled down to it. "
        "metrics.jsonl has the norms under gradient/; raise clip_norm, or look under gradient_of/ "
        "for a term that is too strong"
    )
