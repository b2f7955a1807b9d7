"""`auxdrive collect --delay-brakes`: the car rolls on for a moment where the expert brakes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.standing import STANDING_MPS
from auxdrive.types import Control
from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.collecting.delayed_brakes import (
    FAST_FURTHER_S,
    FAST_S,
    SLOW_FURTHER_S,
    SLOW_S,
    DelayedBrakes,
)
from auxdrive_eval.simulators.settings import make_simulator
from auxdrive_eval.world import WorldState
from small_recording import settings

GENTLE, HARD, GO = Control(0.0, 0.0, 0.2), Control(0.0, 0.0, 0.6), Control(0.0, 0.4, 0.0)


@pytest.fixture(scope="module")
def world() -> WorldState:
    with closing(make_simulator(settings().simulator, sensors=False)) as simulator:
        return simulator.reset(simulator.random_route(5), 0)


@pytest.mark.parametrize(
    ("speed_mps", "length_s", "further_s"),
    [(1.5, SLOW_S, SLOW_FURTHER_S), (7.0, FAST_S, FAST_FURTHER_S)],
)
def test_it_rolls_once_and_not_for_long(
    world: WorldState,
    speed_mps: float,
    length_s: tuple[float, float],
    further_s: tuple[float, float],
) -> None:
    def rolled_s(brakes: DelayedBrakes, since_s: float, label: Control) -> float:
        """How long it rolls while the expert brakes at one speed for 8 s."""
        times_s = np.arange(since_s, since_s + 8, 0.05)
        at_speed = replace(world, speed_mps=speed_mps)
        rolls = [brakes.rolls(replace(at_speed, time_s=float(time)), label) for time in times_s]
        assert rolls == sorted(rolls, reverse=True)  # once, and from the beginning
        assert not brakes.rolls(replace(at_speed, time_s=since_s + 8), GO)
        still = replace(world, speed_mps=STANDING_MPS / 2, time_s=since_s + 9)
        assert not brakes.rolls(still, label)
        return float(sum(rolls)) * 0.05

    brakes = DelayedBrakes(4, 0.5)
    gentle = np.array([rolled_s(brakes, 20.0 * number, GENTLE) for number in range(200)])
    assert 70 < (gentle > 0).sum() < 130
    assert gentle[gentle > 0].min() > length_s[0] - 0.1
    assert gentle.max() < length_s[1] + 0.1
    hard = [rolled_s(brakes, 5000.0 + 20.0 * number, HARD) for number in range(50)]
    assert 0.0 < max(hard) < further_s[1] + 0.1
    assert not rolled_s(DelayedBrakes(4, 1e-12), 0.0, GENTLE)


def test_a_pedal_that_is_left_for_a_moment_is_no_new_chance(world: WorldState) -> None:
    """Many short times of braking in a row would else be delayed one after the other."""
    brakes, rolled = DelayedBrakes(4, 1.0), []
    for tick in range(100):
        state = replace(world, speed_mps=7.0, time_s=0.05 * tick)
        rolled.append(brakes.rolls(state, GENTLE if tick % 4 else GO))
    assert 0 < sum(rolled) * 0.05 < FAST_S[1]
    assert not any(rolled[50:])


def test_a_car_that_comes_too_near_is_told_to_stand(tmp_path: Path) -> None:
    one = {"episodes": 2, "max_episode_s": 40.0, "modalities": ("segmentation",), "perturb": False}
    disturbed, too_far = {}, {}
    for name, share in (("late", {"delay_brakes": 1.0}), ("as it is", {})):
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
    assert max(disturbed["late"]) > 4.0 > 1.8 > min(disturbed["late"])
    assert too_far["as it is"] == 0 < too_far["late"], "where it still rolls and is to stand"
