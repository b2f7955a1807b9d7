"""Named random streams: from one seed, independent generators that are the same in every process
and in whatever order they are used.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """One of a seed's generators. Other names give a generator that is independent of it.

    Names are hashed by CRC-32 instead of `hash()`, whose values differ between processes.

    Args:
        seed: any whole number; its lowest 64 bits count.
        names: words or numbers that say what is drawn, such as "lights" and a junction's number.
    """
    keys = [zlib.crc32(str(name).encode()) for name in names]
    return np.random.default_rng(
        np.random.SeedSequence([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, *keys])
    )
