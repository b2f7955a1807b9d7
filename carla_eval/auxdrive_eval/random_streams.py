"""Named random streams: one seed gives independent generators, the same in every process and
whatever the order of their use.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The generator of `seed` that is called `names`.

    Names are hashed by CRC-32 and not by `hash()`, which differs from process to process.
    """
    keys = [zlib.crc32(str(name).encode()) for name in names]
    return np.random.default_rng(
        np.random.SeedSequence([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, *keys])
    )
