"""Damaged checkpoints: each is refused by a DataError, or says what it said before; never a crash,
never a changed weight.

    python benchmarks/fuzz/checkpoints.py [--count 10000] [--seed S]

Half have damaged bytes; half say something else with a SHA-256 that is right, so that the checks
behind it are reached too.
"""

from __future__ import annotations

import argparse
import atexit
import tempfile
from pathlib import Path

from auxdrive_train.engine import checkpoint
from checkpoint_mutations import Mutation, mutate
from harness import main
from small_checkpoint import take_up, whole
from workers import Fuzzer


def setup(arguments: argparse.Namespace) -> Fuzzer[Mutation]:
    """A sound checkpoint, and how its damaged copies are tried."""
    del arguments
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "last.safetensors"
    checkpoint.save(path, whole())
    data, sound = path.read_bytes(), take_up(path)

    def check(case: Mutation) -> str:
        path.write_bytes(case.data)
        said = take_up(path)
        if case.honest and said != sound:
            raise AssertionError(f"{case.what}: it was loaded with other content")
        return "harmless" if said == sound else "another checkpoint, with a right SHA-256"

    return Fuzzer(
        draw=lambda source: mutate(data, source),
        check=check,
        show=lambda case: f"{case.what}, {len(case.data)} bytes",
    )


if __name__ == "__main__":
    main("checkpoints", setup, __doc__, count=10_000)
