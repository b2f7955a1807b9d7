"""`auxdrive collect --late-stops`: the car rolls on where the expert brakes to stand."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.standing import STANDING_MPS
from auxdrive.types import Control
from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.collecting.late_stops import FURTHER_S, LENGTH_S, LateStops
from auxdrive_eval.simulators.settings import make_simulator
from small_recording import settings

GENTLE, HARD, GO = Control(0.0, 0.0, 0.1), Control(0.0, 0.0, 0.6), Control(0.0, 0.4, 0.0)


def test_a_stop_is_late_once_and_not_for_long() -> None:
    with closing(make_simulator(settings().simulator, sensors=False)) as simulator:
        state = simulator.reset(simulator.random_route(5), 0)

    def rolled_s(stops: LateStops, since_s: float, label: Control) -> float:
        """How long it rolls at 1.5 m/s, and then stands."""
        times_s = np.arange(since_s, since_s + 8, 0.05)
        slow = replace(state, speed_mps=1.5)
        rolls = [stops.rolls(replace(slow, time_s=float(time)), label) for time in times_s]
        assert rolls == sorted(rolls, reverse=True)  # once, and from the beginning
        still = replace(state, speed_mps=STANDING_MPS / 2, time_s=since_s + 9)
        assert not stops.rolls(still, label)
        return float(sum(rolls)) * 0.05

    stops = LateStops(4, 0.5)
    gentle = np.array([rolled_s(stops, 20.0 * number, GENTLE) for number in range(200)])
    assert 70 < (gentle > 0).sum() < 130
    assert gentle[gentle > 0].min() > LENGTH_S[0] - 0.1
    assert gentle.max() < LENGTH_S[1] + 0.1
    hard = [rolled_s(stops, 5000.0 + 20.0 * number, HARD) for number in range(50)]
    assert 0.0 < max(hard) < FURTHER_S[1] + 0.1
    assert not rolled_s(LateStops(4, 1e-12), 0.0, GENTLE)
    assert not rolled_s(LateStops(4, 1.0), 0.0, GO)
    fast = replace(state, speed_mps=5.0)
    assert not LateStops(4, 1.0).rolls(fast, HARD), "at speed it brakes"


def test_a_car_that_comes_too_near_is_told_to_stand(tmp_path: Path) -> None:
    one = {"episodes": 4, "max_episode_s": 40.0, "modalities": ("segmentation",), "perturb": False}
    disturbed, too_far = {}, {}
    for name, share in (("late", {"late_stops": 1.0}), ("as it is", {})):
        data = Dataset.open(collect(settings(**one, **share), tmp_path / name).out)
        rolled, beyond = [], 0
        for episode in map(data.episode, data.episode_ids):
            assert episode.plan is not None
            speed, wanted = episode.state["speed_mps"], episode.plan["target_speed_mps"]
            rolled += speed[episode.state["disturbed"] == 1].tolist()
            beyond += int(((speed > 0.7) & (wanted == 0.0)).sum())
        disturbed[name], too_far[name] = rolled, beyond
    assert not disturbed["as it is"]
    assert len(disturbed["late"]) > 10
    assert max(disturbed["late"]) < 2.1
    assert too_far["as it is"] == 0 < too_far["late"], "where it still rolls and is to stand"
