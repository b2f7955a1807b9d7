"""`auxdrive collect --perturb-speed`: at times the car accelerates, and the label brakes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.types import Control
from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.collecting.speed_pulses import (
    BRAKE,
    LENGTH_S,
    PAUSE_S,
    THROTTLE,
    SpeedPulses,
)
from auxdrive_eval.simulators.settings import make_simulator
from small_recording import settings

CRUISE, HARD = Control(0.0, 0.2, 0.0), Control(0.0, 0.0, 0.6)


def test_pulses_come_at_times_and_a_push_ends_where_the_expert_brakes_hard() -> None:
    with closing(make_simulator(settings().simulator, sensors=False)) as simulator:
        state = simulator.reset(simulator.random_route(5), 0)

    def pedals(speed_mps: float, label: Control) -> list[tuple[float, float] | None]:
        pulses, moving = SpeedPulses(3), replace(state, speed_mps=speed_mps)
        times_s = np.arange(0.0, 1200.0, 0.05)
        return [pulses.pedals(replace(moving, time_s=float(t)), label) for t in times_s]

    cruising = pedals(7.0, CRUISE)
    edges = np.flatnonzero(np.diff([each is not None for each in cruising]))
    lengths_s, pauses_s = np.diff(edges)[::2] * 0.05, np.diff(edges)[1::2] * 0.05
    assert LENGTH_S[0] - 0.1 < lengths_s.min() < lengths_s.max() < LENGTH_S[1] + 0.1
    assert PAUSE_S[0] - 0.1 < pauses_s.min() < pauses_s.max() < PAUSE_S[1] + 0.1
    kinds = {each for each in cruising if each is not None}
    assert kinds == {(THROTTLE, 0.0), (0.0, BRAKE)}
    share = np.mean([cruising[edge + 1] == (0.0, BRAKE) for edge in edges[::2]])
    assert 0.3 < share < 0.7
    hard = {each for each in pedals(7.0, HARD) if each is not None}
    assert hard == {(0.0, HARD.brake)}, "where it must brake it is not pushed"
    slow = {each for each in pedals(1.0, CRUISE) if each is not None}
    assert slow == {(0.0, BRAKE)}, "a slow car would set off where it must not"


def test_a_car_that_was_disturbed_is_told_to_slow_down_and_to_go_on(tmp_path: Path) -> None:
    one = {"episodes": 2, "max_episode_s": 40.0, "modalities": ("segmentation",), "perturb": False}
    over_mps, under_mps = {}, {}
    for name, more in (("disturbed", {"perturb_speed": True}), ("as it is", {})):
        data = Dataset.open(collect(settings(**one, **more), tmp_path / name).out)
        apart = []
        for episode in map(data.episode, data.episode_ids):
            assert episode.plan is not None
            state = episode.state[8:]  # after the start of the route
            apart += (state["speed_mps"] - episode.plan["target_speed_mps"][8:]).tolist()
            assert (state["disturbed"] == 1).any() == (name == "disturbed")
        over_mps[name], under_mps[name] = max(apart), -min(apart)
    assert over_mps["disturbed"] > over_mps["as it is"] + 0.5
    assert under_mps["disturbed"] > 2.0
