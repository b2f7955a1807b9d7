"""`auxdrive collect --perturb-speed`: at times the car accelerates, and the label brakes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.types import Control
from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.collecting.speed_pulses import LENGTH_S, PAUSE_S, SpeedPulses
from auxdrive_eval.simulators.settings import make_simulator
from small_recording import settings

CRUISE, HARD = Control(0.0, 0.2, 0.0), Control(0.0, 0.0, 0.6)


def test_pulses_come_at_times_and_end_where_the_expert_brakes_hard() -> None:
    with closing(make_simulator(settings().simulator, sensors=False)) as simulator:
        state = simulator.reset(simulator.random_route(5), 0)

    def pushed(speed_mps: float, label: Control) -> np.ndarray:
        pulses, moving = SpeedPulses(3), replace(state, speed_mps=speed_mps)
        times_s = np.arange(0.0, 600.0, 0.05)
        return np.array([pulses.pushes(replace(moving, time_s=float(t)), label) for t in times_s])

    cruising = pushed(7.0, CRUISE)
    edges = np.flatnonzero(np.diff(cruising.astype(int)))
    lengths_s, pauses_s = np.diff(edges)[::2] * 0.05, np.diff(edges)[1::2] * 0.05
    assert LENGTH_S[0] - 0.1 < lengths_s.min() < lengths_s.max() < LENGTH_S[1] + 0.1
    assert PAUSE_S[0] - 0.1 < pauses_s.min() < pauses_s.max() < PAUSE_S[1] + 0.1
    assert not pushed(7.0, HARD).any()
    assert not pushed(1.0, CRUISE).any(), "a slow car would set off where it must not"


def test_a_car_that_was_pushed_is_told_to_slow_down(tmp_path: Path) -> None:
    one = {"episodes": 1, "max_episode_s": 40.0, "modalities": ("segmentation",), "perturb": False}
    too_fast = {}
    for name, more in (("pushed", {"perturb_speed": True}), ("as it is", {})):
        data = Dataset.open(collect(settings(**one, **more), tmp_path / name).out)
        episode = data.episode("s3-00000")
        assert episode.plan is not None
        over_mps = episode.state["speed_mps"] - episode.plan["target_speed_mps"]
        too_fast[name] = float(over_mps.max())
        assert (episode.state["disturbed"] == 1).any() == (name == "pushed")
    assert too_fast["pushed"] > too_fast["as it is"] + 0.5
