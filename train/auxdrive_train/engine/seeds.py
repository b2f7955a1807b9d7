"""Seeds computed from how far training is, so that no random state has to be stored."""

from __future__ import annotations

import numpy as np


def seed_of(*numbers: int) -> int:
    """One 63-bit seed from several numbers. Equal numbers give equal seeds on every machine."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
