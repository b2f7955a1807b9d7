"""How far a graph in a lower precision departs from the one in float32, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from auxdrive.cards import TensorSpec
from auxdrive.strict import Strict

from auxdrive_deploy.precisions.frames import Frames
from auxdrive_deploy.precisions.watching import watched

DEPARTS_DB = 10.0
"""A tensor departs where its noise is more than a third of its signal (10 dB)."""
MOST_DB = 200.0
"""Stands for no noise at all."""


class LayerNoise(Strict):
    """The noise of a layer's output.

    Attributes:
        tensor: the name of its output, by which graphs name a layer.
        weights: the name of its weights, which says where in the network it is.
        snr_db: signal to noise, 10 log10 of the sum of squares in float32 over the sum of squared
            differences, in decibels; `MOST_DB` where there is no difference.
    """

    tensor: str
    weights: str
    snr_db: float


def layer_noise(
    model: bytes,
    changed: bytes,
    layers: Mapping[str, str],
    shapes: Mapping[str, tuple[int, ...]],
    inputs: Sequence[TensorSpec],
    frames: Frames,
) -> tuple[LayerNoise, ...]:
    """The noise of each layer, in the graph's order.

    Args:
        model: the graph in float32.
        changed: the same graph in a lower precision; it has values of the same names.
        layers: the name of each layer's weights, by the name of its output.
        shapes: of these outputs, for one frame.
        inputs: of both graphs.
        frames: on which they are compared.
    """
    seen = {name: shapes[name] for name in layers}
    signal, noise = dict.fromkeys(seen, 0.0), dict.fromkeys(seen, 0.0)
    pairs = zip(
        watched(model, seen, inputs, frames), watched(changed, seen, inputs, frames), strict=True
    )
    for right, found in pairs:
        for name in seen:
            wanted = right[name].astype("float64")
            signal[name] += float((wanted**2).sum())
            noise[name] += float(((found[name] - wanted) ** 2).sum())
    return tuple(
        LayerNoise(tensor=name, weights=weights, snr_db=_decibels(signal[name], noise[name]))
        for name, weights in layers.items()
    )


def first_departing(noises: Sequence[LayerNoise]) -> LayerNoise | None:
    """The first tensor that departs; None where none does."""
    return next((each for each in noises if each.snr_db < DEPARTS_DB), None)


def noisiest(noises: Sequence[LayerNoise], among: Sequence[str]) -> str:
    """The layer that adds most noise to what it is given.

    Args:
        noises: of all layers, in the graph's order.
        among: the outputs of the layers that are looked at; at least one.
    """
    added, before = dict.fromkeys(among, -math.inf), 0.0
    for each in noises:
        share = 10.0 ** (-each.snr_db / 10)
        if each.tensor in added:
            added[each.tensor] = share - before
        before = share
    return max(among, key=added.__getitem__)


def _decibels(signal: float, noise: float) -> float:
    if not math.isfinite(signal + noise) or not signal > 0:
        return MOST_DB if noise == 0 else -MOST_DB
    if not noise > 0:
        return MOST_DB
    return max(-MOST_DB, min(MOST_DB, 10 * math.log10(signal / noise)))
