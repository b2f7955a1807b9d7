"""Random numbers as functions of where training stands: no random state is stored."""

from __future__ import annotations

import numpy as np


def seed_of(*numbers: int) -> int:
    """One 63-bit seed from several numbers; equal numbers give equal seeds on every machine."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
