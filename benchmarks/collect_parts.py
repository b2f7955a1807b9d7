"""Where the time of `auxdrive collect` goes, in CPU seconds of one process, which a busy machine
does not change.

    python benchmarks/collect_parts.py [--episodes N] [--rate-hz HZ] [--modalities rgb,depth,...]
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.modalities import parse_modality
from auxdrive_eval.collecting.disturbances import Disturbing
from auxdrive_eval.collecting.record import plan_episode, record_episode
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator

PARTS = {
    EmbeddedSimulator: ("random_route", "reset", "step", "expert", "expert_plan", "sense"),
    EpisodeWriter: ("append",),
}


def main() -> None:
    """Record, and print a line for each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=2)
    parser.add_argument("--rate-hz", type=float, default=4.0)
    parser.add_argument("--modalities", default="rgb,depth,segmentation,lidar")
    arguments = parser.parse_args()
    spent: Counter[str] = Counter()
    for owner, names in PARTS.items():
        for name in names:
            setattr(owner, name, timed(getattr(owner, name), name, spent))
    modalities = tuple(map(parse_modality, arguments.modalities.split(",")))
    simulator, frames = EmbeddedSimulator(), 0
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for index in range(arguments.episodes):
            frames += record_episode(
                simulator,
                Path(folder),
                plan_episode(0, index, range(1000)),
                modalities,
                ticks_per_frame=round(20 / arguments.rate_hz),
                max_episode_s=60.0,
                disturbing=Disturbing(),
            )
    total = time.process_time() - begun
    print(f"{frames} frames, {frames / total:.1f} per CPU second")
    for name, seconds in spent.most_common():
        print(f"{name:14s} {100 * seconds / total:5.1f} %")


def timed(call: Callable[..., Any], name: str, spent: Counter[str]) -> Callable[..., Any]:
    """The same call, which adds its CPU seconds to `spent[name]`."""

    @functools.wraps(call)
    def measured(*arguments: Any, **named: Any) -> Any:
        begun = time.process_time()
        try:
            return call(*arguments, **named)
        finally:
            spent[name] += time.process_time() - begun  # type: ignore[assignment]

    return measured


if __name__ == "__main__":
    main()
