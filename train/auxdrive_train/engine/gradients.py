"""How large gradients are: of every step before it is clipped, and of each term of the cost.

A loss says little about who decides where the weights go; the gradients' norms do.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn


class GradientNorms:
    """The norms of one epoch's gradients, over all parameters that the phase trains."""

    def __init__(self, parameters: Sequence[nn.Parameter], clip_norm: float) -> None:
        self._parameters = parameters
        self._limit = clip_norm or math.inf
        self._norms: list[float] = []
        self._terms: dict[str, list[float]] = defaultdict(list)

    def measure_terms(self, losses: Mapping[str, Tensor]) -> None:
        """Each term's own gradient. It costs one backward pass a term, and leaves graph, gradients
        and random numbers as they were.
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
        """Scale the parameters' gradients down to the limit where they exceed it; returns their
        norm before that.
        """
        self._norms.append(float(nn.utils.clip_grad_norm_(self._parameters, self._limit)))
        return self._norms[-1]

    @property
    def clipped(self) -> int:
        """How many steps were scaled down."""
        return sum(norm > self._limit for norm in self._norms)

    def summary(self) -> dict[str, float]:
        """What is logged: mean, median and largest norm before clipping, the share of steps
        clipped, and each term's norm.
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
    """What the user is told where most steps of a phase were clipped."""
    return (
        f"{phase}: {clipped} of {steps} steps had a gradient longer than clip_norm ({clip_norm:g}) "
        "and were scaled down to it. "
        "metrics.jsonl has the norms under gradient/; raise clip_norm, or look under gradient_of/ "
        "for a term that is too strong"
    )
