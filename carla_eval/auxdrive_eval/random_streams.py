"""Named random streams: from one seed, independent generators that are the same in every process
and in whatever order they are used.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The generator with the names `names` of `seed`.

    Names are hashed by CRC-32 instead of `hash()`, whose values differ between processes.
    """
    keys = [zlib.crc32(str(name).encode()) for name in names]
    return np.random.default_rng(
        np.random.SeedSequence([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, *keys])
    )
