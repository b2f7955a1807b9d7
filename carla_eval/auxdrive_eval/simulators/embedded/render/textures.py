"""Procedural textures from seeds: uint8 (S, S, 3), row 0 at the top. They are multiplied with the
albedo of a face, so most are almost white.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from auxdrive.types import Float64, UInt8

SIZE = 128
_LIT_SHARE = 0.4


def _noise(rng: np.random.Generator, cells: int) -> Float64:
    """Smooth periodic noise (S, S) in -1..1: random values on a grid of cells x cells, interpolated
    bilinearly.
    """
    grid = rng.uniform(-1, 1, (cells, cells))
    at = np.arange(SIZE) * cells / SIZE
    low = at.astype(int)
    t = at - low
    high = (low + 1) % cells
    rows = grid[low] * (1 - t)[:, None] + grid[high] * t[:, None]
    result: Float64 = rows[:, low] * (1 - t) + rows[:, high] * t
    return result


def _grey(level: Float64) -> Float64:
    return np.repeat(level[:, :, None], 3, axis=2)


def _asphalt(rng: np.random.Generator) -> Float64:
    level = 0.80 + 0.07 * _noise(rng, 8) + 0.05 * _noise(rng, 32) + 0.07 * _noise(rng, SIZE)
    patch = _noise(rng, 4) > 0.55
    return _grey(level - 0.06 * patch)


def _grass(rng: np.random.Generator) -> Float64:
    level = 0.80 + 0.10 * _noise(rng, 8) + 0.10 * _noise(rng, 64)
    warm = 0.06 * _noise(rng, 6)
    return np.stack([level + warm, level, level - warm], axis=2)


def _paving(rng: np.random.Generator) -> Float64:
    level = 0.86 + 0.04 * _noise(rng, 16) + 0.04 * _noise(rng, SIZE)
    slab = np.repeat(
        np.repeat(rng.uniform(-0.05, 0.05, (4, 4)), SIZE // 4, axis=0), SIZE // 4, axis=1
    )
    level += slab
    joint = (np.arange(SIZE) % (SIZE // 4)) < 2
    level[joint, :] *= 0.75
    level[:, joint] *= 0.75
    return _grey(level)


def _leaves(rng: np.random.Generator) -> Float64:
    level = 0.78 + 0.14 * _noise(rng, 16) + 0.14 * _noise(rng, 48)
    return np.stack([level + 0.04, level, level - 0.06], axis=2)


def _windows(
    wall: Float64, rng: np.random.Generator, night: float, box: tuple[float, float, float, float]
) -> Float64:
    """Draw 4 x 4 windows on a wall. `box` is (left, right, top, bottom) as shares of a bay. The
    share `night` of them is lit.
    """
    dim = 1 - FACADE_DIMMING * night
    wall *= dim
    cell = SIZE // 4
    left, right, top, bottom = (round(cell * share) for share in box)
    for row in range(4):
        for column in range(4):
            y, x = row * cell, column * cell
            # frame and sill
            wall[y + top - 1 : y + bottom + 2, x + left - 1 : x + right + 1] = 0.93 * dim
            lit = rng.uniform() < _LIT_SHARE * night
            tint = rng.uniform(0.85, 1.15)
            pane = np.array([1.0, 0.80, 0.45] if lit else dim * np.array([0.20, 0.27, 0.36])) * tint
            wall[y + top : y + bottom, x + left : x + right] = pane
            if not lit:  # the reflection of the sky in the upper part
                wall[y + top : y + (top + bottom) // 2, x + left : x + right] = pane * 1.5
            wall[y + top : y + bottom, x + (left + right) // 2] *= 0.75
    return wall


def _brick(rng: np.random.Generator, night: float) -> Float64:
    level = 0.84 + 0.06 * _noise(rng, SIZE) + 0.05 * _noise(rng, 16)
    level[np.arange(SIZE) % 4 == 0, :] *= 0.86
    return _windows(_grey(level), rng, night, (0.28, 0.72, 0.22, 0.72))


def _plaster(rng: np.random.Generator, night: float) -> Float64:
    level = 0.90 + 0.04 * _noise(rng, 8) + 0.02 * _noise(rng, SIZE)
    return _windows(_grey(level), rng, night, (0.26, 0.74, 0.20, 0.74))


def _office(rng: np.random.Generator, night: float) -> Float64:
    level = 0.88 + 0.03 * _noise(rng, 16)
    return _windows(_grey(level), rng, night, (0.06, 0.94, 0.25, 0.85))


def _shop(rng: np.random.Generator, night: float) -> Float64:
    """A ground floor, one bay high: shop windows and doors under a band for the shop's name."""
    dim = 1 - FACADE_DIMMING * night
    wall = _grey(dim * (0.72 + 0.04 * _noise(rng, 16)))
    cell = SIZE // 4
    for column in range(4):
        x = column * cell
        fascia = dim * rng.uniform(0.35, 1.05, 3)
        wall[12:34, x + 2 : x + cell - 2] = fascia
        lit = rng.uniform() < 1.5 * _LIT_SHARE * night
        pane = np.array([1.0, 0.85, 0.55] if lit else dim * np.array([0.22, 0.28, 0.34]))
        top, bottom = 40, (122 if column == 1 else 108)
        wall[top:bottom, x + 4 : x + cell - 4] = pane
        if not lit:
            wall[top : top + 24, x + 4 : x + cell - 4] = pane * 1.5
    return wall


def _stop() -> Float64:
    """A red octagon with a white rim. White strokes stand for the letters, which a camera of 256
    columns cannot resolve.
    """
    at = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    x, y = np.abs(at)[None, :], np.abs(at)[:, None]
    reach = np.maximum(np.maximum(x, y), (x + y) / np.sqrt(2.0)) * 2.0
    face = np.empty((SIZE, SIZE, 3))
    face[:] = (0.80, 0.03, 0.05)
    strokes = (
        (np.abs(at)[:, None] < 0.13)
        & (np.abs(at)[None, :] < 0.38)
        & ((np.arange(SIZE) // 8 % 3) != 2)[None, :]
    )
    face[strokes | (reach > 0.90)] = 0.96
    return face


_GROUNDS: dict[str, Callable[[np.random.Generator], Float64]] = {
    "asphalt": _asphalt,
    "grass": _grass,
    "paving": _paving,
    "leaves": _leaves,
}
FACADES: dict[str, Callable[[np.random.Generator, float], Float64]] = {
    "brick": _brick,
    "plaster": _plaster,
    "office": _office,
    "shop": _shop,
}
FACADE_DIMMING = 0.75
"""The share of its brightness that a facade's texture loses at night, except for lit windows. Faces
with these textures are shaded brighter by as much, so that only lit windows stand out.
"""


def make_textures(seed: int, night: float) -> dict[str, UInt8]:
    """All textures by name.

    Args:
        seed: of the town.
        night: 0 by day to 1; the share of lit windows grows with it.
    """
    images = {"stop": _stop()}
    for index, (name, ground) in enumerate(_GROUNDS.items()):
        images[name] = ground(np.random.default_rng([seed % 2**32, index]))
    for index, (name, facade) in enumerate(FACADES.items()):
        images[name] = facade(np.random.default_rng([seed % 2**32, 100 + index]), night)
    return {
        name: np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
        for name, image in images.items()
    }
